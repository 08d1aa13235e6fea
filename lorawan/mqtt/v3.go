package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// v3 is a session in MQTT 3.1.1.
type v3 struct {
	client paho.Client
	lost   chan struct{}
}

const (
	version311 = 4
	refused    = 0x80 // return code of a SUBACK
	goodbye    = 50   // milliseconds for what is still to be written
)

func openV3(ctx context.Context, h hello) (session, error) {
	s := v3{lost: make(chan struct{})}
	var once sync.Once
	o := paho.NewClientOptions().
		AddBroker("tcp://" + h.conn.RemoteAddr().String()). // for messages; the connection is there
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
			return h.conn, nil
		}).
		SetProtocolVersion(version311).SetClientID(h.id).SetCleanSession(true).
		SetUsername(h.username).SetPassword(h.password).
		SetKeepAlive(keepAlive).SetPingTimeout(timeout).
		SetConnectTimeout(timeout).SetWriteTimeout(timeout).
		SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectionLostHandler(func(paho.Client, error) { once.Do(func() { close(s.lost) }) }).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			h.deliver(m.Topic(), m.Payload(), m.Retained())
		})
	s.client = paho.NewClient(o)
	if err := wait(ctx, s.client.Connect()); err != nil {
		h.conn.Close()
		s.client.Disconnect(0)
		return nil, err
	}
	return s, nil
}

// wait waits for what a token stands for.
func wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s v3) subscribe(ctx context.Context, filters []string) error {
	wanted := map[string]byte{}
	for _, f := range filters {
		wanted[f] = 0
	}
	t := s.client.SubscribeMultiple(wanted, nil)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := wait(ctx, t); err != nil {
		return err
	}
	granted, ok := t.(*paho.SubscribeToken)
	if !ok {
		return errors.New("internal error: no answer to SUBSCRIBE")
	}
	for filter, code := range granted.Result() {
		if code == refused {
			return fmt.Errorf("the broker refused %q", filter)
		}
	}
	return nil
}

// publish waits until the message is written, which QoS 0 is done with.
func (s v3) publish(topic string, payload []byte) error {
	t := s.client.Publish(topic, 0, false, payload)
	select {
	case <-t.Done():
		return t.Error()
	case <-s.lost:
		return errLost
	}
}

func (s v3) done() <-chan struct{} { return s.lost }

func (s v3) close() { s.client.Disconnect(goodbye) }
