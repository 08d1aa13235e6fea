package mqtttest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// Broker is an MQTT broker inside the process, without passwords.
type Broker struct {
	listener net.Listener
}

// Listen opens the broker's socket on a port of 127.0.0.1: a free one for 0.
// The caller must call Run, which closes it.
func Listen(port uint16) (*Broker, error) {
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	listener, err := net.Listen("tcp4", address.String())
	if err != nil {
		return nil, fmt.Errorf("MQTT broker: %w", err)
	}
	return &Broker{listener: listener}, nil
}

// Port returns the port of the broker, on which a later one can take its
// place.
func (b *Broker) Port() uint16 { return uint16(b.listener.Addr().(*net.TCPAddr).Port) }

// URL returns where clients connect to.
func (b *Broker) URL() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", b.Port()) }

// Run serves clients until ctx ends, which is no error. It returns when all
// connections are closed. Call it once.
func (b *Broker) Run(ctx context.Context) error {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		return fmt.Errorf("MQTT broker: %w", err)
	}
	if err := server.AddListener(listeners.NewNet("loopback", b.listener)); err != nil {
		return fmt.Errorf("MQTT broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		return fmt.Errorf("MQTT broker: %w", err)
	}
	<-ctx.Done()
	return server.Close()
}
