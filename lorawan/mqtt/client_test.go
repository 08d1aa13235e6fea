package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
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

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

// start runs a client of filters "a/+" and "b" until the test ends.
func start(t *testing.T, cfg Config) (*Client, <-chan message, *lines) {
	t.Helper()
	received, log := make(chan message, 100), new(lines)
	c, err := New(cfg, []string{"a/+", "b"}, func(topic string, payload []byte) {
		received <- message{topic, string(payload)}
	}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c.Connected() || !errors.Is(c.Publish("b", nil), ErrAway) {
			t.Error("still connected")
		}
	})
	return c, received, log
}

func connected(t *testing.T, c *Client, times uint64) {
	t.Helper()
	for range 1000 {
		if c.Stats().Connections.Load() >= times {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d connections, want %d", c.Stats().Connections.Load(), times)
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
}

// onlyV3 is a broker's hook that refuses MQTT 5, as older brokers do.
type onlyV3 struct{ broker.HookBase }

func (onlyV3) ID() string { return "only MQTT 3.1.1" }
func (onlyV3) Provides(b byte) bool {
	return b == broker.OnConnect || b == broker.OnConnectAuthenticate || b == broker.OnACLCheck
}
func (onlyV3) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }
func (onlyV3) OnACLCheck(*broker.Client, string, bool) bool              { return true }
func (onlyV3) OnConnect(_ *broker.Client, p packets.Packet) error {
	if p.ProtocolVersion != 4 {
		return packets.ErrUnsupportedProtocolVersion
	}
	return nil
}

// TestDialects: both versions of MQTT carry the same.
func TestDialects(t *testing.T) {
	for name, tt := range map[string]struct {
		hooks   []broker.Hook
		dialect int
	}{"MQTT 5": {nil, 0}, "MQTT 3.1.1": {[]broker.Hook{new(onlyV3)}, 1}} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			b, stop := serve(t, l, tt.hooks...)
			defer stop()
			if err := b.Publish("b", []byte("old"), true, 0); err != nil {
				t.Fatal(err)
			}
			c, received, _ := start(t, Config{URL: "mqtt://" + l.Addr().String()})
			connected(t, c, 1)
			exchange(t, b, c, received)
			if c.dialect != tt.dialect || c.Stats().Retained.Load() != 1 {
				t.Errorf("dialect %d, %d retained", c.dialect, c.Stats().Retained.Load())
			}
		})
	}
}

// TestAncient: a broker that answers MQTT 5 as MQTT 3.1.1 prescribes, or hangs
// up, is tried with MQTT 3.1.1.
func TestAncient(t *testing.T) {
	for name, answer := range map[string][]byte{"refusal": {0x20, 2, 0, 1}, "silence": nil} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			defer l.Close()
			version := make(chan byte, 10)
			var served sync.WaitGroup
			served.Go(func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					var head [16]byte
					if _, err := io.ReadFull(conn, head[:]); err == nil {
						version <- head[8]
						conn.Write(answer)
					}
					conn.Close()
				}
			})
			c, _, _ := start(t, Config{URL: "mqtt://" + l.Addr().String()})
			for _, want := range []byte{5, 4, 5} {
				if got := <-version; got != want {
					t.Errorf("MQTT version %d, want %d", got, want)
				}
			}
			if c.Connected() {
				t.Error("connected to nothing")
			}
			l.Close()
			served.Wait()
		})
	}
}

// TestReconnect: a broker that is away at first, and again later, is found, and
// subscribed to each time.
func TestReconnect(t *testing.T) {
	for _, hooks := range []func() []broker.Hook{
		func() []broker.Hook { return nil },
		func() []broker.Hook { return []broker.Hook{new(onlyV3)} }, // of one broker each
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
