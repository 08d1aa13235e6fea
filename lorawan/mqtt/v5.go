package mqtt

import (
	"context"
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// receiveMaximum is how many messages the client may hold before it is asked
// to take them; above, the broker is slowed down by the connection itself.
const receiveMaximum = 256

// v5 is a session in MQTT 5.
type v5 struct{ client *paho.Client }

func openV5(ctx context.Context, h hello) (session, error) {
	client := paho.NewClient(paho.ClientConfig{
		Conn:               packets.NewThreadSafeConn(h.conn),
		PacketTimeout:      timeout,
		OnClientError:      func(error) {},            // done tells
		OnServerDisconnect: func(*paho.Disconnect) {}, // done tells
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) {
				h.deliver(p.Packet.Topic, p.Packet.Payload, p.Packet.Retain)
				return true, nil
			},
		},
	})
	maximum := uint16(receiveMaximum)
	ack, err := client.Connect(ctx, &paho.Connect{
		ClientID: h.id, CleanStart: true, KeepAlive: uint16(keepAlive / time.Second),
		Username: h.username, UsernameFlag: h.username != "",
		Password: []byte(h.password), PasswordFlag: h.password != "",
		Properties: &paho.ConnectProperties{ReceiveMaximum: &maximum, RequestProblemInfo: true},
	})
	switch {
	case ack != nil && err != nil:
		return nil, fmt.Errorf("the broker refused the connection, reason %#x: %w", ack.ReasonCode, err)
	case err != nil:
		return nil, err
	}
	return v5{client}, nil
}

func (s v5) subscribe(ctx context.Context, filters []string) error {
	var sub paho.Subscribe
	for _, f := range filters {
		sub.Subscriptions = append(sub.Subscriptions, paho.SubscribeOptions{Topic: f})
	}
	_, err := s.client.Subscribe(ctx, &sub)
	return err
}

func (s v5) publish(topic string, payload []byte) error {
	_, err := s.client.Publish(context.Background(), &paho.Publish{Topic: topic, Payload: payload})
	return err
}

func (s v5) done() <-chan struct{} { return s.client.Done() }

func (s v5) close() { _ = s.client.Disconnect(&paho.Disconnect{}) }
