package mqtt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

const (
	// receiveMaximum is how many messages the client may hold that it has not
	// handled yet. A broker that sends more waits in its write to the connection.
	receiveMaximum = 256
	// maxPacket is the largest packet that the broker may send, in bytes.
	maxPacket = 256 << 10
	// refused is the lowest reason code that is a refusal.
	refused = 0x80
)

// v5 is a session in MQTT 5.
type v5 struct {
	client *paho.Client
	wire   *wire
}

func openV5(ctx context.Context, h hello) (session, error) {
	s := v5{wire: newWire(h.conn)}
	s.client = paho.NewClient(paho.ClientConfig{
		Conn:               s.wire,
		PacketTimeout:      h.pace.Patience,
		OnClientError:      h.lost,
		OnServerDisconnect: func(d *paho.Disconnect) { h.fail(endedBy(d)) },
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) {
				h.received(p.Packet.Topic, p.Packet.Payload, p.Packet.Retain)
				return true, nil
			},
		},
	})
	if ack, err := s.client.Connect(ctx, connectPacket(h)); err != nil {
		return nil, connectError(ack, err)
	}
	return s, nil
}

func connectPacket(h hello) *paho.Connect {
	receive, packet := uint16(receiveMaximum), uint32(maxPacket)
	return &paho.Connect{
		ClientID: h.id, CleanStart: true, KeepAlive: uint16(h.pace.KeepAlive / time.Second),
		Username: h.user, UsernameFlag: h.user != "",
		Password: []byte(h.password), PasswordFlag: h.password != "",
		Properties: &paho.ConnectProperties{
			ReceiveMaximum: &receive, MaximumPacketSize: &packet, RequestProblemInfo: true,
		},
	}
}

// connectError classifies why a CONNECT failed; ack is nil when there was no
// answer.
func connectError(ack *paho.Connack, err error) error {
	switch {
	case ack == nil && !hungUp(err):
		return err
	case ack == nil || ack.ReasonCode == packets.ConnackUnsupportedProtocolVersion:
		return fmt.Errorf("%w: %w", errDialect, err)
	case ack.ReasonCode == packets.ConnackBadUsernameOrPassword,
		ack.ReasonCode == packets.ConnackNotAuthorized:
		return errAccount
	}
	return fmt.Errorf("the broker refused the connection, reason %#x: %w", ack.ReasonCode, err)
}

// endedBy is the broker's reason to end a connection.
func endedBy(d *paho.Disconnect) error {
	if d.ReasonCode == packets.DisconnectSessionTakenOver {
		return errTakenOver
	}
	return fmt.Errorf("the broker ended the connection, reason %#x", d.ReasonCode)
}

func (s v5) subscribe(ctx context.Context, filter string, qos byte) error {
	ack, err := s.client.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos}},
	})
	if ack != nil && len(ack.Reasons) == 1 {
		return answer(ctx, ack.Reasons[0], err)
	}
	return answer(ctx, 0, err)
}

func (s v5) publish(topic string, payload []byte) error {
	_, err := s.client.Publish(context.Background(), &paho.Publish{Topic: topic, Payload: payload})
	return err
}

func (s v5) deliver(ctx context.Context, m Message) error {
	ack, err := s.client.Publish(ctx, &paho.Publish{
		QoS: 1, Topic: m.Topic, Payload: m.Payload,
		Properties: &paho.PublishProperties{ContentType: m.ContentType},
	})
	if ack != nil {
		return answer(ctx, ack.ReasonCode, err)
	}
	return answer(ctx, 0, err)
}

// answer is the outcome of a request: its reason code, or why there is none.
func answer(ctx context.Context, reason byte, err error) error {
	switch {
	case reason >= refused:
		return Refusal{reason}
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return errSilent
	}
	return err
}

func (s v5) close() {
	defer time.AfterFunc(goodbye, func() { s.wire.Conn.Close() }).Stop()
	_ = s.client.Disconnect(&paho.Disconnect{})
}
