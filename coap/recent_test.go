package coap

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/udp"
	"havn/telemetry"
)

// TestRetransmission: a copy gets the very same answer and changes nothing.
func TestRetransmission(t *testing.T) {
	for _, in := range []msg{
		post("/v1/sensor", []byte("1"), query("device=d")),
		post("/v1/sensor", []byte("1"), query("device=d")).non(),
	} {
		w := newWorld(t, Chunks{})
		w.cloud.commands = []telemetry.Command{{Name: "first"}, {Name: "second"}}
		at := func(from udp.Peer, after time.Duration, m msg) []byte {
			from.Received = from.Received.Add(after)
			return w.handler.Handle(nil, m.bytes(), from)
		}
		expect := func(what string, taken, duplicates, waiting int) {
			t.Helper()
			n := w.handler.duplicates.Load()
			if len(w.cloud.taken) != taken || int(n) != duplicates || len(w.cloud.commands) != waiting {
				t.Errorf("%v, %s: %d taken, %d duplicates, %d commands wait", in.typ, what,
					len(w.cloud.taken), n, len(w.cloud.commands))
			}
		}
		first := at(peer, 0, in)
		for i, after := range []time.Duration{time.Second, time.Minute, exchangeLifetime - 1} {
			if again := at(peer, after, in); !bytes.Equal(again, first) {
				t.Errorf("%x, then %x", first, again)
			}
			expect("a copy", 1, i+1, 1)
		}
		other := peer
		other.Addr = netip.AddrPortFrom(peer.Addr.Addr(), 40001)
		at(other, 0, in)
		expect("another port", 2, 3, 0)
		for i, change := range []func(*msg){
			func(m *msg) { m.mid++ }, func(m *msg) { m.token = "" }, func(m *msg) { m.payload = []byte("2") },
		} {
			m := in
			change(&m)
			at(peer, 0, m)
			expect("another message", 3+i, 3, 0)
		}
		at(peer, exchangeLifetime, in)
		expect("the same, later", 6, 3, 0)
		at(peer, exchangeLifetime+time.Second, in)
		expect("a copy of that", 6, 4, 0)
	}
}

// TestNotRemembered: what changes nothing leaves nothing, and may be mended.
func TestNotRemembered(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, m := range hot(w) {
		if m.code != codes.Empty {
			w.ask(t, m)
		}
	}
	w.ask(t, post("/v1/sensor", nil))
	w.ask(t, post("/v1/a+b", nil, query("device=d")))
	w.cloud.away = errors.New("away")
	w.ask(t, post("/v1/sensor", nil, query("device=d")))
	n := 0
	for i := range w.handler.recent.shards {
		n += len(w.handler.recent.shards[i].answers)
	}
	if n != 0 || w.handler.duplicates.Load() != 0 {
		t.Errorf("%d answers are kept", n)
	}
}

// TestConcurrentCopies: copies that several readers get at once are one.
func TestConcurrentCopies(t *testing.T) {
	w := newWorld(t, Chunks{})
	const messages, copies = 50, 4
	var work sync.WaitGroup
	var replies [copies][messages][]byte
	for i := range messages {
		w.cloud.commands = append(w.cloud.commands, telemetry.Command{Name: fmt.Sprint(i)})
	}
	for c := range copies {
		work.Go(func() {
			for i := range messages {
				m := post("/v1/sensor", []byte("1"), query("device=d"))
				m.mid = uint16(i)
				replies[c][i] = w.handler.Handle(nil, m.bytes(), peer)
			}
		})
	}
	work.Wait()
	for i := range messages {
		for c := range copies {
			if !bytes.Equal(replies[c][i], replies[0][i]) {
				t.Errorf("message %d: %x and %x", i, replies[0][i], replies[c][i])
			}
		}
	}
	if n := w.handler.duplicates.Load(); len(w.cloud.taken) != messages ||
		len(w.cloud.commands) != 0 || n != messages*(copies-1) {
		t.Errorf("%d taken, %d duplicates, %d commands wait", len(w.cloud.taken), n, len(w.cloud.commands))
	}
}

// TestReadersDoNotWait: while one message is handed on, others are answered.
func TestReadersDoNotWait(t *testing.T) {
	w := newWorld(t, Chunks{})
	at := func(mid uint16) ([]byte, *shard) {
		m := post("/v1/sensor", nil, query("device=d"))
		m.mid = mid
		_, kept := w.handler.recent.key(peer.Addr, m.bytes())
		return m.bytes(), kept
	}
	slow, its := at(0)
	other, kept := at(1)
	for mid := uint16(2); kept == its; mid++ {
		other, kept = at(mid)
	}
	begun, answered := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() {
		close(begun)
		<-answered
	})
	w.handler.upstream.Telemetry = func(_, _, _, _ string, _ []byte) error {
		select {
		case <-begun: // the other one
		default:
			first()
		}
		return nil
	}
	var reader sync.WaitGroup
	reader.Go(func() { w.handler.Handle(nil, slow, peer) })
	<-begun
	if len(w.handler.Handle(nil, other, peer)) == 0 {
		t.Error("no answer")
	}
	close(answered)
	reader.Wait()
}

// TestRecentIsBounded: the oldest answers go first.
func TestRecentIsBounded(t *testing.T) {
	s := shard{index: map[messageKey]int{}}
	key := func(i int) messageKey { return messageKey{peer.Addr, uint64(i)} }
	for i := range 2*perShard + 10 {
		s.add(key(i), []byte{byte(i)}, now)
		s.add(key(i), []byte{byte(i)}, now) // as after its lifetime
		if len(s.answers) > perShard || len(s.index) > perShard {
			t.Fatalf("%d answers, %d keys", len(s.answers), len(s.index))
		}
	}
	last := 2*perShard + 9
	for i, want := range map[int]bool{
		last: true, last - perShard/2 + 1: true, last - perShard/2: false, 0: false,
	} {
		got := s.find(key(i), now)
		if (got != nil) != want || (want && got[0] != byte(i)) {
			t.Errorf("%d: %x", i, got)
		}
	}
}
