package load

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
)

func newTestGenerator(t *testing.T, cfg Config) *Generator {
	t.Helper()
	cfg.CPU = -1
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// run runs for a moment, to the end of all that was asked.
func run(t *testing.T, g *Generator) Result {
	t.Helper()
	used := time.Duration(0)
	cpu := func() (time.Duration, error) { used += time.Millisecond; return used, nil }
	w := Window{Warmup: time.Millisecond, Measure: 30 * time.Millisecond, CPU: cpu}
	r, err := g.Run(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if r.CPU != time.Millisecond {
		t.Errorf("CPU time %v, want that between two readings", r.CPU)
	}
	return r
}

// TestGeneratorChecksARightServer: several devices behind few endpoints, and
// several endpoints of few devices, run after run.
func TestGeneratorChecksARightServer(t *testing.T) {
	image := body(1000)
	var from sync.Map
	addr := serve(t, func(m message.Message, peer netip.AddrPort) []message.Message {
		from.Store(peer.Addr().String(), true)
		return []message.Message{blockReply(m, image)}
	})
	for _, cfg := range []Config{
		{Peers: 7, Endpoints: 3, InFlight: 4}, {Peers: 3, Endpoints: 3, InFlight: 100},
	} {
		cfg.Target, cfg.Transfer = addr, newTestBlock(t, image, 64)
		g := newTestGenerator(t, cfg)
		for range 2 {
			r := run(t, g)
			if r.Answered == 0 || r.Answered < r.Blocks || r.Latency.TotalCount() != int64(r.Blocks) {
				t.Errorf("%d answers, %d of them measured, %d latencies",
					r.Answered, r.Blocks, r.Latency.TotalCount())
			}
			if r.Lost+r.Late+r.Stray != 0 {
				t.Errorf("%d lost, %d late, %d stray", r.Lost, r.Late, r.Stray)
			}
			if len(g.flying) != 0 || g.ready.n != cfg.Peers {
				t.Errorf("%d in flight, %d ready after a run", len(g.flying), g.ready.n)
			}
		}
	}
	for _, want := range []string{"127.1.0.0", "127.1.0.1", "127.1.0.2"} {
		if _, ok := from.Load(want); !ok {
			t.Errorf("nothing came from %s", want)
		}
	}
}

// TestGeneratorCatchesLies: what Transfer.Check does not see.
func TestGeneratorCatchesLies(t *testing.T) {
	image := body(1000)
	for name, lie := range map[string]func(*message.Message){
		"message ID":     func(m *message.Message) { m.MessageID ^= 1 },
		"an older ID":    func(m *message.Message) { m.MessageID = int32(uint16(m.MessageID - 1)) },
		"nobody's token": func(m *message.Message) { m.Token = message.Token{0, 0, 1, 0} },
		"no token":       func(m *message.Message) { m.Token = nil; m.Options = nil; m.Payload = nil },
		"a byte": func(m *message.Message) {
			m.Payload = append([]byte{^m.Payload[0]}, m.Payload[1:]...)
		},
	} {
		addr := serve(t, func(m message.Message, _ netip.AddrPort) []message.Message {
			reply := blockReply(m, image)
			lie(&reply)
			return []message.Message{reply}
		})
		g := newTestGenerator(t, Config{
			Target: addr, Transfer: newTestBlock(t, image, 64), Peers: 2, Endpoints: 1, InFlight: 1,
		})
		_, err := g.Run(t.Context(), Window{Measure: time.Minute})
		if !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
}

// TestLostRequestsAreAskedAgain: the server takes no notice of a request until
// it comes for the second time, then answers both.
func TestLostRequestsAreAskedAgain(t *testing.T) {
	image := body(1000)
	seen := map[int32]bool{}
	addr := serve(t, func(m message.Message, _ netip.AddrPort) []message.Message {
		if !seen[m.MessageID] {
			seen[m.MessageID] = true
			return nil
		}
		delete(seen, m.MessageID)
		return []message.Message{blockReply(m, image), blockReply(m, image)}
	})
	g := newTestGenerator(t, Config{
		Target: addr, Transfer: newTestBlock(t, image, 64),
		Peers: 1, Endpoints: 1, InFlight: 1, Timeout: 20 * time.Millisecond,
	})
	r, err := g.Run(t.Context(), Window{Measure: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Lost == 0 || r.Late > r.Lost {
		t.Errorf("%d lost, %d late", r.Lost, r.Late)
	}
}

func TestSilentServerIsGivenUp(t *testing.T) {
	addr := serve(t, func(message.Message, netip.AddrPort) []message.Message { return nil })
	g := newTestGenerator(t, Config{
		Target: addr, Transfer: newTestBlock(t, body(10), 64),
		Peers: 3, Endpoints: 3, InFlight: 3, Timeout: 5 * time.Millisecond,
	})
	if _, err := g.Run(t.Context(), Window{Measure: time.Hour}); !errors.Is(err, ErrSilent) {
		t.Errorf("%v, want ErrSilent", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	addr := serve(t, func(message.Message, netip.AddrPort) []message.Message { return nil })
	g := newTestGenerator(t, Config{
		Target: addr, Transfer: newTestBlock(t, body(10), 64), Peers: 1, Endpoints: 1, InFlight: 1,
	})
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := g.Run(ctx, Window{Measure: time.Hour}); !errors.Is(err, stopped) {
		t.Errorf("%v, want the context's cause", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	loopback := netip.MustParseAddrPort("127.0.0.1:5683")
	elsewhere, ipv6 := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[::1]:1")
	for name, cfg := range map[string]Config{
		"elsewhere": {Target: elsewhere, Peers: 1, Endpoints: 1, InFlight: 1},
		"IPv6":      {Target: ipv6, Peers: 1, Endpoints: 1, InFlight: 1},
		"peers":     {Target: loopback, Peers: MaxPeers + 1, Endpoints: 1, InFlight: 1},
		"endpoints": {Target: loopback, Peers: 1, InFlight: 1},
		"in flight": {Target: loopback, Peers: 1, Endpoints: 1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestResponderSendsHeadsBack(t *testing.T) {
	const size = 100
	r, err := NewResponder(size)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := r.Addr()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	image := body(1000)
	g := newTestGenerator(t, Config{
		Target: addr, Peers: 10, Endpoints: 10, InFlight: 10,
		Transfer: &Echo{Requests: newTestBlock(t, image, 64), Reply: size, Chunk: 64, Size: len(image)},
	})
	if result := run(t, g); result.Answered == 0 || result.Size != size {
		t.Errorf("%d answers of %d bytes, want some of %d", result.Answered, result.Size, size)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, size := range []int{headSize - 1, maxDatagram + 1} {
		if _, err := NewResponder(size); err == nil {
			t.Errorf("a responder of %d bytes", size)
		}
	}
}

func TestEchoChecksWhatComes(t *testing.T) {
	echo := &Echo{Requests: newTestBlock(t, body(100), 64), Reply: 50, Chunk: 64, Size: 100}
	right := append([]byte{requestHead, 1, 0, 0, 0, 0, 0, 0}, filler[headSize:50]...)
	for name, datagram := range map[string][]byte{
		"longer": append(right[:50:50], 50), "shorter": right[:49],
		"another head": append([]byte{replyHead}, right[1:]...), "another end": append(right[:49:49], 0),
	} {
		if _, err := echo.Check(&Peer{}, datagram); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
	p := &Peer{}
	for _, want := range []int{64, 36, 64} {
		if n, err := echo.Check(p, right); n != want || err != nil {
			t.Errorf("%d bytes, %v, want %d", n, err, want)
		}
	}
}
