package drogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

const (
	inboxFilter = "command/inbox/#"
	inboxPrefix = "command/inbox/"

	// maxMQTT is the largest packet Drogue Cloud takes, in bytes. It closes the
	// connection on a larger one.
	maxMQTT = 16 << 10
	// packetOverhead bounds what a PUBLISH is besides topic, content type and
	// payload: fixed header 5, topic length 2, identifier 2, properties 4.
	packetOverhead = 13
)

// mqttEndpoint publishes over MQTT and receives the commands of all devices it
// speaks for.
type mqttEndpoint struct {
	Endpoint
	session  *session
	received func(Command)
	turn     sync.Mutex // MQTT 3.1.1: one event in flight, so that it is known which one was refused
}

func newMQTTEndpoint(
	e Endpoint, received func(Command), stats *PublisherStats, log *slog.Logger,
) (*mqttEndpoint, error) {
	s, err := newSession("gateway device "+e.Device+" of "+e.Application, e.URL, e.CA, log)
	if err != nil {
		return nil, err
	}
	m := &mqttEndpoint{Endpoint: e, session: s, received: received}
	s.account, s.receive, s.attach = e.account, m.receive, m.attach
	s.reconnects, s.takeovers = &stats.Reconnects, &stats.Takeovers
	return m, nil
}

func (m *mqttEndpoint) run(ctx context.Context) { m.session.run(ctx) }

func (m *mqttEndpoint) attach(ctx context.Context) error {
	return m.session.subscribe(ctx, inboxFilter, 0)
}

// receive takes a command. The topic has an empty device for the gateway
// device itself.
func (m *mqttEndpoint) receive(topic string, payload []byte) {
	rest, ok := strings.CutPrefix(topic, inboxPrefix)
	device, name, named := strings.Cut(rest, "/")
	if !ok || !named || name == "" {
		return
	}
	if device == "" {
		device = m.Device
	}
	m.received(Command{m.Application, device, name, payload})
}

func (m *mqttEndpoint) publish(ctx context.Context, msg message) error {
	topic := msg.channel
	if msg.device != "" && msg.device != m.Device {
		topic += "/" + msg.device
	}
	if strings.ContainsAny(msg.device, "/+#") {
		return fmt.Errorf("%w: a device name with / + or # is no part of an MQTT topic: "+
			"use an https:// endpoint", ErrRejected)
	}
	if size := packetOverhead + len(topic) + len(msg.contentType) + len(msg.payload); size > maxMQTT {
		return fmt.Errorf("%w: a packet of %d bytes, Drogue Cloud takes %d over MQTT",
			ErrRejected, size, maxMQTT)
	}
	if m.session.onlyV3.Load() {
		m.turn.Lock()
		defer m.turn.Unlock()
	}
	return m.send(ctx, topic, msg)
}

func (m *mqttEndpoint) send(ctx context.Context, topic string, msg message) error {
	var ack *paho.PublishResponse
	err := m.session.use(ctx, func(ctx context.Context, with *conns) (err error) {
		ack, err = with.Publish(ctx, &paho.Publish{
			QoS: 1, Topic: topic, Payload: msg.payload,
			Properties: &paho.PublishProperties{ContentType: msg.contentType},
		})
		return err
	})
	switch {
	case ack != nil && ack.ReasonCode >= 0x80:
		return m.refusal(ack.ReasonCode, msg)
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		m.session.drop()
		err = fmt.Errorf("no acknowledgement within %v", m.session.patience)
	case m.session.onlyV3.Load() && errors.Is(err, errLost):
		return fmt.Errorf("%w: the connection ended on this event, which in MQTT 3.1.1 may be "+
			"a refusal: %s", ErrDenied, denial(m.Endpoint, msg))
	}
	return away(ctx, m.session.name, err)
}

// refusal classifies the reason of a PUBACK.
func (m *mqttEndpoint) refusal(reason byte, msg message) error {
	switch reason {
	case packets.PubackNotAuthorized:
		return fmt.Errorf("reason %#x: %w: %s", reason, ErrDenied, denial(m.Endpoint, msg))
	case packets.PubackQuotaExceeded:
		return fmt.Errorf("reason %#x: %w: its queue is full", reason, ErrAway)
	case packets.PubackUnspecifiedError:
		return fmt.Errorf("reason %#x: %w: a rule of the application refuses it, or it is no valid %s",
			reason, ErrRejected, contentName(msg.contentType))
	}
	return fmt.Errorf("reason %#x: %w", reason, ErrRejected)
}

func contentName(contentType string) string {
	if contentType == "" {
		return "JSON"
	}
	return contentType
}
