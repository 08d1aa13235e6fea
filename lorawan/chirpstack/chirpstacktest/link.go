package chirpstacktest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// How the server keeps up its connection.
const (
	reconnectAfter = 50 * time.Millisecond
	connectTimeout = 5 * time.Second
	keepAlive      = 30 // seconds
)

// link is the server's connection to the broker.
type link struct{ *autopaho.ConnectionManager }

// dial connects, and connects again after each loss, until ctx ends.
func (s *Server) dial(ctx context.Context) (link, error) {
	broker, err := url.Parse(s.cfg.Broker)
	if err != nil || broker.Host == "" {
		return link{}, fmt.Errorf("broker %q: want a URL like mqtt://127.0.0.1:1883", s.cfg.Broker)
	}
	var once sync.Once
	cm, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls:                    []*url.URL{broker},
		KeepAlive:                     keepAlive,
		CleanStartOnInitialConnection: true,
		ReconnectBackoff:              backoff,
		ConnectTimeout:                connectTimeout,
		OnConnectionUp: func(cm *autopaho.ConnectionManager, _ *paho.Connack) {
			if err := s.subscribe(ctx, cm); err != nil {
				s.cfg.Log.Warn("no commands until the next connection", "error", err)
				return
			}
			once.Do(func() { close(s.ready) })
		},
		ClientConfig: paho.ClientConfig{
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){s.received},
		},
	})
	if err != nil {
		return link{}, fmt.Errorf("broker %s: %w", broker.Redacted(), err)
	}
	return link{cm}, nil
}

func backoff(attempt int) time.Duration {
	if attempt == 0 {
		return 0
	}
	return reconnectAfter
}

func (s *Server) subscribe(ctx context.Context, cm *autopaho.ConnectionManager) error {
	_, err := cm.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: "application/+/device/+/command/+"}},
	})
	return err
}

func (s *Server) received(p paho.PublishReceived) (bool, error) {
	s.command(p.Packet.Topic, p.Packet.Payload, time.Now())
	return true, nil
}

func (l link) publish(topic string, payload []byte) error {
	_, err := l.Publish(context.Background(), &paho.Publish{Topic: topic, Payload: payload})
	return err
}
