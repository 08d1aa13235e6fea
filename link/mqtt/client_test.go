package mqtt

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a broker on a listener until the returned function is called.
func serve(t *testing.T, l net.Listener, hooks ...broker.Hook) (*broker.Server, func()) {
	t.Helper()
	b := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if len(hooks) == 0 {
		hooks = []broker.Hook{new(auth.AllowHook)}
	}
	for _, h := range hooks {
		if err := b.AddHook(h, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.AddListener(listeners.NewNet("test", l)); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	return b, sync.OnceFunc(func() { b.Close() })
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type message struct{ topic, payload string }

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

// start runs a client of filters "a/+" and "b" until the test ends.
func start(t *testing.T, cfg Config, change ...func(*Parts)) (*Client, <-chan message, *lines) {
	t.Helper()
	received, log := make(chan message, 100), new(lines)
	p := Parts{Pace: Near, Filters: func() []string { return []string{"a/+", "b"} },
		Receive: func(topic string, payload []byte) { received <- message{topic, string(payload)} },
		Log:     slog.New(slog.NewTextHandler(log, nil))}
	for _, f := range change {
		f(&p)
	}
	c, _ := run(t, cfg, p)
	return c, received, log
}

// run runs a client until the test or the function returned ends it.
func run(t *testing.T, cfg Config, p Parts) (*Client, func()) {
	t.Helper()
	c, err := New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c.Connected() || !errors.Is(c.Publish("b", nil), ErrAway) {
			t.Error("still connected")
		}
	})
	t.Cleanup(stop)
	return c, stop
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time")
		}
	}
}

// connected waits until messages flow, on the connection of that number.
func connected(t *testing.T, c *Client, times uint64) {
	t.Helper()
	eventually(t, func() bool { return c.Stats().Connections.Load() >= times && c.Connected() })
}

func expect(t *testing.T, received <-chan message, want message) {
	t.Helper()
	select {
	case got := <-received:
		if got != want {
			t.Errorf("received %v, want %v", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%v did not come", want)
	}
}

// exchange checks that messages flow both ways, and old ones do not.
func exchange(t *testing.T, b *broker.Server, c *Client, received <-chan message) {
	t.Helper()
	if err := b.Publish("c", []byte("not subscribed"), false, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish("a/1", []byte("x"), false, 0); err != nil {
		t.Fatal(err)
	}
	expect(t, received, message{"a/1", "x"})
	if err := c.Publish("a/2", []byte("y")); err != nil {
		t.Fatal(err)
	}
	expect(t, received, message{"a/2", "y"})
	if err := c.Deliver(t.Context(), Message{"a/3", "text/plain", []byte("z")}); err != nil {
		t.Fatal(err)
	}
	expect(t, received, message{"a/3", "z"})
}

// house is a broker's hook: the rules of the house.
type house struct {
	broker.HookBase
	old    bool          // refuses MQTT 5, as older brokers do
	open   atomic.Bool   // what is "denied" is allowed
	silent chan struct{} // gets one for each message of the topic "silence", which is not answered
}

func (*house) ID() string { return "rules" }
func (*house) Provides(b byte) bool {
	return slices.Contains([]byte{
		broker.OnConnect, broker.OnConnectAuthenticate, broker.OnACLCheck, broker.OnPublish}, b)
}
func (h *house) OnConnect(_ *broker.Client, p packets.Packet) error {
	if h.old && p.ProtocolVersion != 4 {
		return packets.ErrUnsupportedProtocolVersion
	}
	return nil
}
func (*house) OnConnectAuthenticate(_ *broker.Client, p packets.Packet) bool {
	return string(p.Connect.Password) != "wrong"
}
func (h *house) OnACLCheck(_ *broker.Client, topic string, _ bool) bool {
	return h.open.Load() || !strings.HasPrefix(topic, "denied")
}
func (h *house) OnPublish(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	if p.TopicName == "silence" {
		h.silent <- struct{}{}
		return p, packets.ErrRejectPacket
	}
	return p, nil
}

// eachDialect runs a test against a broker of each version.
func eachDialect(t *testing.T, test func(t *testing.T, h *house, b *broker.Server, url string)) {
	for name, old := range map[string]bool{"MQTT 5": false, "MQTT 3.1.1": true} {
		t.Run(name, func(t *testing.T) {
			h := &house{old: old, silent: make(chan struct{}, 100)}
			l := listen(t, "127.0.0.1:0")
			b, stop := serve(t, l, h)
			t.Cleanup(stop)
			test(t, h, b, "mqtt://"+l.Addr().String())
		})
	}
}

// TestDialects: both versions of MQTT carry the same.
func TestDialects(t *testing.T) {
	eachDialect(t, func(t *testing.T, h *house, b *broker.Server, url string) {
		if err := b.Publish("b", []byte("old"), true, 0); err != nil {
			t.Fatal(err)
		}
		c, received, log := start(t, Config{URL: url})
		connected(t, c, 1)
		exchange(t, b, c, received)
		protocol := map[bool]string{false: "\"MQTT 5\"", true: "\"MQTT 3.1.1\""}[h.old]
		if log.count("protocol="+protocol) != 1 || c.Stats().Retained.Load() != 1 {
			t.Errorf("%d retained, log: %s", c.Stats().Retained.Load(), log)
		}
	})
}

// TestReconnect: a broker that is away at first, and again later, is found, and
// subscribed to each time.
func TestReconnect(t *testing.T) {
	for _, hooks := range []func() []broker.Hook{
		func() []broker.Hook { return nil },
		func() []broker.Hook { return []broker.Hook{&house{old: true}} }, // of one broker each
	} {
		l := listen(t, "127.0.0.1:0")
		address := l.Addr().String()
		l.Close()
		c, received, log := start(t, Config{URL: "mqtt://" + address})
		for c.Stats().Failures.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		for i := range uint64(2) {
			b, stop := serve(t, listen(t, address), hooks()...)
			connected(t, c, i+1)
			exchange(t, b, c, received)
			stop()
			for c.Connected() {
				time.Sleep(time.Millisecond)
			}
		}
		if n := log.count("refused"); n == 0 || n > 4 {
			t.Errorf("%d log lines about %d failures", n, c.Stats().Failures.Load())
		}
	}
}
