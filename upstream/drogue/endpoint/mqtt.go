package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"havn/link/mqtt"
	"havn/telemetry"
	"havn/upstream"
	"havn/upstream/drogue"
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

// mqttWay publishes over MQTT and receives the commands of all devices it speaks
// for.
type mqttWay struct {
	cfg      drogue.Endpoint
	client   *mqtt.Client
	received func(device string, c telemetry.Command)
}

func newMQTT(
	cfg drogue.Endpoint, pace mqtt.Pace, received func(string, telemetry.Command),
	stats *mqtt.Stats, log *slog.Logger,
) (*mqttWay, error) {
	if _, err := authorities(cfg).Pool(); err != nil {
		return nil, err
	}
	m := &mqttWay{cfg: cfg, received: received}
	var err error
	m.client, err = mqtt.New(mqtt.Config{URL: cfg.URL, CA: cfg.CA}, mqtt.Parts{
		Pace: pace, Account: func() (user, password string, err error) { return account(cfg) },
		Filters: func() []string { return []string{inboxFilter} }, Receive: m.receive,
		Stats: stats, Log: log.With(slog.String("for", name(cfg))),
	})
	return m, err
}

func (m *mqttWay) run(ctx context.Context) { _ = m.client.Run(ctx) }

func (m *mqttWay) retry() { m.client.Retry() }

// receive takes a command. The topic has an empty device for the gateway device
// itself.
func (m *mqttWay) receive(topic string, payload []byte) {
	rest, ok := strings.CutPrefix(topic, inboxPrefix)
	device, command, named := strings.Cut(rest, "/")
	if ok && named && command != "" {
		m.received(device, telemetry.Command{Name: command, Payload: payload})
	}
}

func (m *mqttWay) send(ctx context.Context, msg message) error {
	topic := msg.channel
	if msg.device != "" && msg.device != m.cfg.Device {
		topic += "/" + msg.device
	}
	if strings.ContainsAny(msg.device, "/+#") {
		return fmt.Errorf("%w: a device name with / + or # is no part of an MQTT topic: "+
			"use an https:// endpoint", upstream.ErrRejected)
	}
	if size := packetOverhead + len(topic) + len(msg.contentType) + len(msg.payload); size > maxMQTT {
		return fmt.Errorf("%w: a packet of %d bytes, Drogue Cloud takes %d over MQTT",
			upstream.ErrRejected, size, maxMQTT)
	}
	return m.deliver(ctx, topic, msg)
}

func (m *mqttWay) deliver(ctx context.Context, topic string, msg message) error {
	err := m.client.Deliver(ctx, mqtt.Message{
		Topic: topic, ContentType: msg.contentType, Payload: msg.payload,
	})
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[mqtt.Refusal](err); ok {
		return m.refusal(refused, msg)
	}
	return drogue.Away(ctx, name(m.cfg), err)
}

// refusal classifies the answer to an event.
func (m *mqttWay) refusal(refused mqtt.Refusal, msg message) error {
	switch refused.Reason {
	case reasonNone, reasonNotAuthorized:
		return fmt.Errorf("%w: %w: %s", refused, drogue.ErrDenied, denial(m.cfg, msg))
	case reasonQuotaExceeded:
		return fmt.Errorf("%w: %w: its queue is full", refused, drogue.ErrAway)
	case reasonUnspecified:
		return fmt.Errorf("%w: %w: a rule of the application refuses it, or it is no valid %s",
			refused, upstream.ErrRejected, contentName(msg.contentType))
	}
	return fmt.Errorf("%w: %w", refused, upstream.ErrRejected)
}
