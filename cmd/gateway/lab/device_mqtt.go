package lab

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"havn/bench/device"
	devicemqtt "havn/bench/device/mqtt"
	"havn/cmd/gateway/cli"
	"havn/link"
)

// mqttOptions are the flags of device mqtt.
type mqttOptions struct {
	deviceOptions
	protocol string
	qos      uint8
	ca       string
}

func newDeviceMQTT() *cobra.Command {
	var o mqttOptions
	cmd := o.command("mqtt", "MQTT", o.overMQTT)
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "mqtt://127.0.0.1:1883", "`URL` of the gateway, mqtt:// or mqtts://")
	f.StringVar(&o.protocol, "protocol", "5", "`VERSION` of MQTT: 5 or 3.1.1")
	f.Uint8Var(&o.qos, "qos", 0, "`QOS` of the device's messages: 0 or 1")
	f.StringVar(&o.ca, "ca", "", "PEM `FILE` of the authority that mqtts:// trusts; the system's when empty")
	return cmd
}

// knockTime is how long the person at the terminal waits to hear that nobody is there.
const knockTime = 5 * time.Second

func (o *mqttOptions) overMQTT(cmd *cobra.Command) error {
	t, err := o.transport()
	if err != nil {
		return err
	}
	defer t.Close()
	conn, err := (&net.Dialer{Timeout: knockTime}).DialContext(cmd.Context(), "tcp", t.Address)
	if err != nil {
		return fmt.Errorf("%w; is it running there, and mqtt.listen set? see --url", err)
	}
	_ = conn.Close()
	return o.update(cmd, func() (*device.Device, error) { return device.New(o.config, t) })
}

// mqttPorts are the ports of URLs that name none.
var mqttPorts = map[string]string{"mqtt": "1883", "mqtts": "8883"}

// transport returns the way to the gateway that the flags name.
func (o *mqttOptions) transport() (*devicemqtt.Transport, error) {
	u, err := url.Parse(o.url)
	if err != nil || mqttPorts[u.Scheme] == "" || u.Hostname() == "" {
		return nil, cli.Usagef("--url %q: want mqtt://HOST:PORT or mqtts://HOST:PORT", o.url)
	}
	version, spoken := map[string]byte{"5": devicemqtt.V5, "3.1.1": devicemqtt.V311}[o.protocol]
	switch {
	case !spoken:
		return nil, cli.Usagef("--protocol %q: want 5 or 3.1.1", o.protocol)
	case o.qos > 1:
		return nil, cli.Usagef("--qos %d: want 0 or 1", o.qos)
	}
	t := &devicemqtt.Transport{
		Address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), mqttPorts[u.Scheme])), Device: o.identity, Version: version, QoS: o.qos,
	}
	if u.Scheme == "mqtts" {
		t.TLS, err = trust(u.Hostname(), o.ca)
	}
	return t, err
}

// trust returns what a connection to a host trusts: the authority in a file, else those
// of the system.
func trust(host, ca string) (*tls.Config, error) {
	pool, err := link.File{Key: "--ca", Path: ca}.Pool()
	return &tls.Config{ServerName: host, RootCAs: pool}, err
}
