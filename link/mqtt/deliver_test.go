package mqtt

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
)

// hasty is a client that does not wait long.
func hasty(p *Parts) {
	p.Pace.Patience, p.Pace.First, p.Pace.Last = 300*time.Millisecond, time.Millisecond, time.Millisecond
}

// TestRefusal: a message that the broker refuses is told from one that is lost,
// and refuses no other.
func TestRefusal(t *testing.T) {
	eachDialect(t, func(t *testing.T, h *house, _ *broker.Server, url string) {
		c, _, _ := start(t, Config{URL: url}, hasty)
		connected(t, c, 1)
		var all sync.WaitGroup
		var refusals atomic.Int32
		for i := range 20 {
			all.Go(func() {
				err := c.Deliver(t.Context(), Message{Topic: []string{"denied", "b"}[min(i, 1)]})
				r, ok := errors.AsType[Refusal](err)
				if ok {
					refusals.Add(1)
				}
				if want := (Refusal{map[bool]byte{false: 0x87}[h.old]}); ok && r != want {
					t.Errorf("refused with %#x", r.Reason)
				}
				if !ok && err != nil && !(h.old && errors.Is(err, ErrAway)) {
					t.Error(err)
				}
			})
		}
		if all.Wait(); refusals.Load() != 1 {
			t.Errorf("%d refused", refusals.Load())
		}
	})
}

// TestFirstDelivery: it waits for the first attempt to connect, and no longer.
func TestFirstDelivery(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	_, stop := serve(t, l)
	defer stop()
	for url, want := range map[string]error{"mqtt://" + l.Addr().String(): nil, "mqtt://127.0.0.1:1": ErrAway} {
		c, err := New(Config{URL: url}, Parts{Pace: Far, Filters: func() []string { return nil }, Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		delivered := make(chan error, 1)
		go func() { delivered <- c.Deliver(t.Context(), Message{Topic: "b"}) }()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		if err := <-delivered; !errors.Is(err, want) {
			t.Errorf("%s: %v", url, err)
		}
		cancel()
		<-ended
	}
}

// TestSilence: an acknowledgement that does not come ends the connection, and
// the next one works. A caller that gives up ends nothing.
func TestSilence(t *testing.T) {
	eachDialect(t, func(t *testing.T, _ *house, b *broker.Server, url string) {
		c, received, _ := start(t, Config{URL: url}, hasty)
		connected(t, c, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := c.Deliver(ctx, Message{Topic: "silence"})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrAway) || !c.Connected() {
			t.Errorf("given up: %v", err)
		}
		err = c.Deliver(t.Context(), Message{Topic: "silence"})
		if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "no acknowledgement") {
			t.Error(err)
		}
		connected(t, c, 2)
		exchange(t, b, c, received)
	})
}

// TestEndWhileDelivering: the caller is told at once. That the connection was
// lost may have been a refusal in MQTT 3.1.1, our own end never.
func TestEndWhileDelivering(t *testing.T) {
	eachDialect(t, func(t *testing.T, h *house, b *broker.Server, url string) {
		for _, ours := range []bool{false, true} {
			c, stop := run(t, Config{URL: url}, Parts{Pace: Near, Filters: func() []string { return nil }, Log: discard})
			connected(t, c, 1)
			done := make(chan error)
			go func() { done <- c.Deliver(t.Context(), Message{Topic: "silence"}) }()
			<-h.silent
			if ours {
				stop()
			} else {
				kick(b)
			}
			err := <-done
			_, refused := errors.AsType[Refusal](err)
			if refused != (h.old && !ours) || refused == errors.Is(err, ErrAway) {
				t.Errorf("ended by us: %v, %v", ours, err)
			}
		}
	})
}

// kick ends all connections.
func kick(b *broker.Server) {
	for _, cl := range b.Clients.GetAll() {
		cl.Stop(nil)
	}
}
