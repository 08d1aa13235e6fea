package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"havn/link/linktest"
	"havn/link/mqtt"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

// TestMQTTOutage: what was acknowledged arrived, in order; after the outage
// commands are received again.
func TestMQTTOutage(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	p, commands, _ := w.endpoint()
	published(t, p, "d1", "0")
	next := 1
	for range 2 {
		w.Set(droguetest.MQTT, wire.Away)
		linktest.Eventually(t, func() error {
			err := p.send(t.Context(), message{"d1", "firmware", "application/json", []byte("-1")})
			if !errors.Is(err, drogue.ErrAway) {
				return fmt.Errorf("while away: %w", err)
			}
			return nil
		})
		w.Set(droguetest.MQTT, wire.Up)
		for range 3 {
			published(t, p, "d1", fmt.Sprint(next))
			next++
		}
	}
	var got []string
	for _, e := range w.Events("app", "d1") {
		if s := string(e.Data); s != "-1" && !slices.Contains(got, s) {
			got = append(got, s)
		}
	}
	if fmt.Sprint(got) != "[0 1 2 3 4 5 6]" {
		t.Errorf("arrived: %v", got)
	}
	linktest.Eventually(t, func() error {
		w.Command("app", "d1", "hello", nil)
		select {
		case <-commands:
			return nil
		default:
			return errors.New("no command after the outage")
		}
	})
	if n := p.Stats().MQTT.Connections.Load(); n != 3 {
		t.Errorf("%d connections counted", n)
	}
}

// TestLostAcknowledgement: an event whose acknowledgement is lost is drogue.ErrAway,
// and arrives twice when it is sent again.
func TestLostAcknowledgement(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		kind := droguetest.MQTT
		if scheme == "http" {
			w.overHTTP()
			kind = droguetest.HTTP
		}
		p, _, _ := w.endpoint()
		published(t, p, "d1", `0`)
		w.Inject(kind, wire.Fault{Times: 1, Half: true})
		if err := p.send(t.Context(), message{"d1", "firmware", "application/json", []byte("1")}); !errors.Is(err, drogue.ErrAway) {
			t.Errorf("%s: %v", scheme, err)
		}
		published(t, p, "d1", `1`)
		if n := len(w.Events("app", "d1")); n != 3 {
			t.Errorf("%s: %d events, want the second one twice", scheme, n)
		}
	}
}

func TestPublishToAServerThatHangs(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		kind := droguetest.MQTT
		if scheme == "http" {
			w.overHTTP()
			kind = droguetest.HTTP
		}
		p, _, stop := w.endpoint()
		published(t, p, "d1", `0`)
		w.Set(kind, wire.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := p.send(ctx, message{"d1", "firmware", "", nil})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", scheme, err)
		}
		stop() // within its time, although the server hangs
	}
}

// TestServerThatFallsSilent: an acknowledgement that does not come ends the
// connection, and the next one works.
func TestServerThatFallsSilent(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	p, err := New(w.cfg, "firmware", Parts{})
	if err != nil {
		t.Fatal(err)
	}
	pace := mqtt.Far
	pace.Patience = 300 * time.Millisecond
	p.way, err = newMQTT(w.cfg, pace, p.receive, &p.stats.MQTT, p.log)
	if err != nil {
		t.Fatal(err)
	}
	linktest.Run(t, p.Run)
	published(t, p, "d1", `0`)
	w.Set(droguetest.MQTT, wire.Hang)
	err = p.send(t.Context(), message{"d1", "firmware", "", []byte("1")})
	if !errors.Is(err, drogue.ErrAway) || !strings.Contains(err.Error(), "no acknowledgement") {
		t.Error(err)
	}
	w.Set(droguetest.MQTT, wire.Up)
	published(t, p, "d1", `2`)
	if n := p.Stats().MQTT.Connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestTakeover(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	first, _, stop := w.endpoint()
	published(t, first, "d1", `1`)
	second, _, _ := w.endpoint()
	published(t, second, "d1", `2`)
	linktest.Eventually(t, func() error {
		err := first.send(t.Context(), message{"d1", "firmware", "", nil})
		if err == nil || !strings.Contains(err.Error(), "another client") {
			return fmt.Errorf("the first gateway says %w", err)
		}
		return nil
	})
	if n := first.Stats().MQTT.Takeovers.Load(); n == 0 {
		t.Error("no takeover counted")
	}
	stop()
	published(t, second, "d1", `3`)
}

func TestManyPublishAtOnce(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	p, _, _ := w.endpoint()
	published(t, p, "d1", `0`)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := p.send(t.Context(), message{"d1", "firmware", "", []byte("1")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.Events("app", "d1")); n != 201 {
		t.Errorf("%d events arrived", n)
	}
}
