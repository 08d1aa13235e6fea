package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"havn/front"
	"havn/gateway/config"
	"havn/link/mqtt/mqtttest"
	"havn/lorawan"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
)

// inField adds a network server to cfg, with a device of application app.
func inField(t *testing.T, cfg *config.Config, name string) *chirpstacktest.Device {
	t.Helper()
	broker, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	server, err := chirpstacktest.New(chirpstacktest.Config{
		Broker: broker.URL(), Encoding: wire.V4,
		Timing: clock.Timing{DownlinkWait: 50 * time.Millisecond, TxAck: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = broker.Run(ctx) })
	work.Go(func() { _ = server.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	<-server.Ready()
	far, err := server.Add(chirpstacktest.DeviceConfig{EUI: event.DevEUI{7: 1}, Name: name, DR: 5})
	if err != nil {
		t.Fatal(err)
	}
	network := lorawan.Config{
		Name: "field", Server: lorawan.ChirpStackV4, Application: "app",
		Radio: region.Config{Region: "EU868"},
	}
	network.MQTT.URL = broker.URL()
	cfg.LoRaWAN.Networks = []lorawan.Config{network}
	return far
}

// sensorPost is a CoAP message to /v1/sensor of the device d: a POST with two
// Uri-Path, one Uri-Query of 24 bytes, and a payload.
func sensorPost(id uint16) []byte {
	return append([]byte{0x40, 0x02, byte(id >> 8), byte(id)},
		"\xb2v1\x06sensor\x4d\x0bapplication=app&device=d\xff21.5"...)
}

// ask sends a datagram and returns the answer to it.
func (r *running) ask(datagram []byte) []byte {
	r.t.Helper()
	conn, err := net.Dial("udp", r.Addr("coap").String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 2048)
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(datagram); err != nil {
		r.t.Fatal(err)
	}
	n, err := conn.Read(buf)
	if err != nil {
		r.t.Fatal(err)
	}
	return buf[:n]
}

// postHTTP sends telemetry as the device d, which waits for a command.
func (r *running) postHTTP(body string) (status int, command string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost,
		"http://"+r.Addr("http").String()+"/v1/sensor?ct=1", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth("d@app", "")
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("command")
}

// heard returns the telemetry of a device that the cloud has: CHANNEL TYPE DATA.
func heard(cloud *droguetest.Cloud, device string) (all []string) {
	for _, e := range cloud.Events("app", device) {
		if e.Type == apps.DeviceEvent && e.Subject != "firmware" {
			all = append(all, fmt.Sprintf("%s %s %s", e.Subject, e.ContentType, e.Data))
		}
	}
	return all
}

// TestTelemetryAndCommands: telemetry of devices on all three fronts reaches the
// cloud, and its commands reach them.
func TestTelemetryAndCommands(t *testing.T) {
	cfg := testConfig(t)
	cfg.HTTP.Listen = "127.0.0.1:0"
	far := inField(t, &cfg, "field")
	cloud := inCloud(t, &cfg)
	cloud.PutDevice("app", "field", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	r := start(t, cfg, nil)
	eventually(t, "the network server is connected", func() bool {
		return strings.Contains(r.expect(http.StatusOK, "GET", "/metrics"), `gateway_lorawan_connected{network="field"} 1`)
	})
	commands := func(device string, names ...string) {
		t.Helper()
		for _, name := range names {
			if !cloud.Command("app", device, name, []byte("on")) {
				t.Fatalf("the cloud refuses %s for %s", name, device)
			}
		}
	}
	eventually(t, "commands arrive", func() bool {
		commands("d", "first")
		return r.inbox.Waiting() > 0
	})
	commands("d", "last")
	eventually(t, "they have all come", func() bool {
		name, _, _ := r.inbox.Take("app", "d")
		return name == "last"
	})

	commands("d", "dfu", "set", "reset")
	commands("gw", "set")
	commands("field", "set", "port:7") // not heard yet
	eventually(t, "the commands wait", func() bool { return r.inbox.Waiting() == 4 })
	if got := r.ask(sensorPost(1)); got[1] != 0x45 || !bytes.HasSuffix(got, []byte("set\xffon")) {
		t.Errorf("CoAP: %x", got)
	}
	if status, command := r.postHTTP(`{"t":21.5}`); status != http.StatusOK || command != "reset" {
		t.Errorf("HTTP: %d, command %q", status, command)
	}
	if got := r.ask(sensorPost(2)); got[1] != 0x44 {
		t.Errorf("CoAP, no command: %x", got)
	}
	for i, want := range []string{"on", "", "on"} {
		payload, _, err := far.Exchange(t.Context(), 2, []byte{'0' + byte(i)})
		if err != nil || string(payload) != want {
			t.Errorf("uplink %d: %q, %v, want %q", i, payload, err, want)
		}
		if i == 1 {
			commands("field", "port:9")
			eventually(t, "the command is sent", func() bool {
				return slices.ContainsFunc(r.fronts, func(f front.Front) bool {
					return f.Name() == "lorawan" && f.Counts().Commands.Load() == 2
				})
			})
		}
	}
	eventually(t, "all telemetry is in the cloud", func() bool {
		return len(heard(cloud, "d")) == 3 && len(heard(cloud, "field")) == 3
	})
	got := heard(cloud, "d")
	slices.Sort(got)
	want := []string{`sensor application/json 21.5`, `sensor application/json 21.5`, `sensor application/json {"t":21.5}`}
	if !slices.Equal(got, want) || heard(cloud, "field")[2] != "2 application/octet-stream 2" {
		t.Errorf("%q, %q", got, heard(cloud, "field"))
	}
	metrics := r.expect(http.StatusOK, "GET", "/metrics")
	for _, line := range []string{
		`gateway_commands_total{result="delivered"} 4`, `gateway_commands_total{result="refused"} 2`,
		`gateway_commands_total{result="expired"} 0`, `gateway_commands_waiting 0`,
		`gateway_requests_total{code="2.05",protocol="coap",resource="telemetry"} 1`,
		`gateway_requests_total{code="unanswered",protocol="lorawan",resource="telemetry"} 3`,
		`gateway_duplicates_total{protocol="coap"} 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	lint(t, metrics)
}
