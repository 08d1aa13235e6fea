package bench

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/eclipse/paho.golang/paho"
)

// peer is one connection to an MQTT server, in MQTT 5 and without any property
// that could be left out.
type peer struct {
	client   *paho.Client
	received chan *paho.Publish
}

// maxReceived bounds what a peer has received and not looked at.
const maxReceived = 64

func dialPeer(ctx context.Context, address, user, password string) (*peer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	p := &peer{received: make(chan *paho.Publish, maxReceived)}
	p.client = paho.NewClient(paho.ClientConfig{
		Conn: conn,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(r paho.PublishReceived) (bool, error) {
				p.received <- r.Packet
				return true, nil
			},
		},
	})
	_, err = p.client.Connect(ctx, &paho.Connect{
		CleanStart: true, KeepAlive: 60, Username: user, UsernameFlag: true,
		Password: []byte(password), PasswordFlag: true,
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connection of %s: %w", user, err)
	}
	return p, nil
}

func (p *peer) close() { _ = p.client.Disconnect(&paho.Disconnect{}) }

func (p *peer) subscribe(ctx context.Context, filter string, qos byte) error {
	_, err := p.client.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos}},
	})
	return err
}

// publish returns after the PUBACK, where qos asks for one.
func (p *peer) publish(ctx context.Context, topic string, qos byte, payload []byte) error {
	_, err := p.client.Publish(ctx, &paho.Publish{Topic: topic, QoS: qos, Payload: payload})
	return err
}

// next waits for a message.
func (p *peer) next(ctx context.Context) (*paho.Publish, error) {
	select {
	case m := <-p.received:
		return m, nil
	case <-p.client.Done():
		return nil, errors.New("the connection ended")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
