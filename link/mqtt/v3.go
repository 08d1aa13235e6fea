package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// v3 is a session in MQTT 3.1.1.
type v3 struct {
	client   paho.Client
	alive    context.Context
	patience time.Duration
	turn     chan struct{} // full = a message of deliver is on its way
}

const (
	version311 = 4
	flush      = 50 // milliseconds for the last writes at the end
)

func openV3(ctx context.Context, h hello) (session, error) {
	o := paho.NewClientOptions().
		AddBroker("tcp://" + h.conn.RemoteAddr().String()). // for log messages alone: the connection is made
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
			return h.conn, nil
		}).
		SetProtocolVersion(version311).SetClientID(h.id).SetCleanSession(true).
		SetUsername(h.user).SetPassword(h.password).
		SetKeepAlive(h.pace.KeepAlive).SetPingTimeout(h.pace.Patience).
		SetConnectTimeout(h.pace.Patience).SetWriteTimeout(h.pace.Patience).
		SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectionLostHandler(func(_ paho.Client, err error) { h.lost(err) }).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			h.received(m.Topic(), m.Payload(), m.Retained())
		})
	s := v3{paho.NewClient(o), h.alive, h.pace.Patience, make(chan struct{}, 1)}
	err := wait(ctx, s.client.Connect())
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword),
		errors.Is(err, packets.ErrorRefusedNotAuthorised):
		err = errAccount
	}
	h.conn.Close()
	s.client.Disconnect(0)
	return nil, err
}

// wait waits for what a token stands for.
func wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
	case <-ctx.Done():
	}
	select {
	case <-t.Done():
		return t.Error()
	default:
		return context.Cause(ctx)
	}
}

func (s v3) subscribe(ctx context.Context, filter string, qos byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.patience, errSilent)
	defer cancel()
	t := s.client.SubscribeMultiple(map[string]byte{filter: qos}, nil)
	if err := wait(ctx, t); err != nil {
		return err
	}
	granted, ok := t.(*paho.SubscribeToken)
	if !ok {
		return fmt.Errorf("internal error: no answer to SUBSCRIBE")
	}
	if code := granted.Result()[filter]; code >= refused {
		return Refusal{code}
	}
	return nil
}

// publish waits until the message is written: QoS 0 has no answer.
func (s v3) publish(topic string, payload []byte) error {
	return wait(s.alive, s.client.Publish(topic, 0, false, payload))
}

// deliver sends one message at a time: the connection ends on a message that is
// refused.
func (s v3) deliver(ctx context.Context, m Message) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.patience, errSilent)
	defer cancel()
	t := s.client.Publish(m.Topic, 1, false, m.Payload)
	err := wait(ctx, t)
	if lost := t.Error() != nil && !errors.Is(err, paho.ErrNotConnected) && !s.closing(); lost {
		return Refusal{}
	}
	return err
}

// closing reports whether we end the connection ourselves.
func (s v3) closing() bool { return errors.Is(context.Cause(s.alive), context.Canceled) }

func (s v3) close() { s.client.Disconnect(flush) }
