package chirpstacktest

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
)

// application is a client that answers every uplink with the same payload.
type application struct {
	ready chan struct{}
	news  chan struct{} // 1 slot: there is another event
	mu    sync.Mutex
	kinds []string
}

func answering(t *testing.T, broker string, s *Server, answer []byte) *application {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	a := &application{ready: make(chan struct{}), news: make(chan struct{}, 1)}
	var once sync.Once
	ctx, cancel := context.WithCancel(context.Background())
	cm, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls: []*url.URL{u}, KeepAlive: 30, ReconnectBackoff: backoff,
		OnConnectionUp: func(cm *autopaho.ConnectionManager, _ *paho.Connack) {
			filter := "application/" + s.Application() + "/device/+/event/+"
			subscription := &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter}}}
			if _, err := cm.Subscribe(ctx, subscription); err == nil {
				once.Do(func() { close(a.ready) })
			}
		},
		ClientConfig: paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) {
				a.receive(p.Client, p.Packet.Topic, answer)
				return true, nil
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-cm.Done() })
	wait(t, "application", a.ready)
	return a
}

func (a *application) receive(client *paho.Client, topic string, answer []byte) {
	level := strings.Split(topic, "/")
	a.mu.Lock()
	a.kinds = append(a.kinds, level[5])
	a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default:
	}
	if level[5] != string(wire.Up) {
		return
	}
	body, _ := json.Marshal(wire.Command{DevEUI: level[3], FPort: 223, Data: answer})
	topic = strings.Replace(topic, "event/up", "command/down", 1)
	_, _ = client.Publish(context.Background(), &paho.Publish{Topic: topic, Payload: body})
}

// await waits until the application has heard events of these kinds.
func (a *application) await(t *testing.T, kinds ...string) {
	t.Helper()
	for deadline := time.After(10 * time.Second); ; {
		a.mu.Lock()
		got := slices.Clone(a.kinds)
		a.mu.Unlock()
		if slices.Equal(got, kinds) {
			return
		}
		select {
		case <-a.news:
		case <-deadline:
			t.Fatalf("events %v, want %v", got, kinds)
		}
	}
}
