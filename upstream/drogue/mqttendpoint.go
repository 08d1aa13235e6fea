package drogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"havn/link/mqtt"
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

// Reasons of a PUBACK, MQTT 5 section 3.4.2.1. 0 is that of MQTT 3.1.1.
const (
	reasonNone          = 0
	reasonUnspecified   = 0x80
	reasonNotAuthorized = 0x87
	reasonQuotaExceeded = 0x97
)

// mqttEndpoint publishes over MQTT and receives the commands of all devices it
// speaks for.
type mqttEndpoint struct {
	Endpoint
	client   *mqtt.Client
	received func(Command)
}

func newMQTTEndpoint(
	e Endpoint, pace mqtt.Pace, received func(Command), stats *PublisherStats, log *slog.Logger,
) (*mqttEndpoint, error) {
	m := &mqttEndpoint{Endpoint: e, received: received}
	var err error
	m.client, err = mqtt.New(mqtt.Config{URL: e.URL, CA: e.CA}, mqtt.Parts{
		Pace: pace, Account: e.account,
		Filters: func() []string { return []string{inboxFilter} }, Receive: m.receive,
		Stats: &stats.MQTT, Log: log.With(slog.String("for", e.name())),
	})
	return m, err
}

func (m *mqttEndpoint) run(ctx context.Context) { _ = m.client.Run(ctx) }

func (m *mqttEndpoint) retry() { m.client.Retry() }

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
	return m.deliver(ctx, topic, msg)
}

func (m *mqttEndpoint) deliver(ctx context.Context, topic string, msg message) error {
	err := m.client.Deliver(ctx, mqtt.Message{
		Topic: topic, ContentType: msg.contentType, Payload: msg.payload,
	})
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[mqtt.Refusal](err); ok {
		return m.refusal(refused, msg)
	}
	return away(ctx, m.name(), err)
}

// refusal classifies the answer to an event.
func (m *mqttEndpoint) refusal(refused mqtt.Refusal, msg message) error {
	switch refused.Reason {
	case reasonNone, reasonNotAuthorized:
		return fmt.Errorf("%w: %w: %s", refused, ErrDenied, denial(m.Endpoint, msg))
	case reasonQuotaExceeded:
		return fmt.Errorf("%w: %w: its queue is full", refused, ErrAway)
	case reasonUnspecified:
		return fmt.Errorf("%w: %w: a rule of the application refuses it, or it is no valid %s",
			refused, ErrRejected, contentName(msg.contentType))
	}
	return fmt.Errorf("%w: %w", refused, ErrRejected)
}

func contentName(contentType string) string {
	if contentType == "" {
		return "JSON"
	}
	return contentType
}
