package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/firmware"
	"havn/link/linktest"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

// TestNothingIsUnlearned: whatever goes wrong, the last word of the registry
// stays, and a new one is heard once it speaks again.
func TestNothingIsUnlearned(t *testing.T) {
	for name, spoil := range map[string]wire.Fault{
		"403":         {Status: 403},
		"401":         {Status: 401},
		"404":         {Status: 404},
		"409":         {Status: 409},
		"429":         {Status: 429},
		"500":         {Status: 500},
		"302":         {Status: 302},
		"half":        {Half: true},
		"one 503":     {Status: 503, Times: 1},
		"one too few": {Half: true, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, droguetest.Options{})
			w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
			r, _ := w.registry()
			image(t, r, dev, "h/n:1")
			w.PutDevice("app", "d1", firmwareSpec("h/n:2"), nil)
			w.Inject(droguetest.Registry, spoil)
			before := w.Counters(droguetest.Registry).Total()
			r.Retry()
			linktest.Eventually(t, func() error {
				if w.Counters(droguetest.Registry).Total() == before {
					return errors.New("not asked again")
				}
				return nil
			})
			if spec, err := r.Desired(dev); err != nil || (spec.Key() != "h/n:1" && spoil.Times == 0) {
				t.Errorf("desired %q, %v", spec.Key(), err)
			}
			w.Heal(droguetest.Registry)
			r.Retry()
			image(t, r, dev, "h/n:2")
		})
	}
}

func TestRegistryAwayAtStart(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Set(droguetest.Registry, wire.Away)
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	r, _ := w.registry()
	if _, err := r.Desired(dev); !errors.Is(err, firmware.ErrPending) {
		t.Fatal(err)
	}
	linktest.Eventually(t, func() error {
		if !r.Stats().Away.Load() {
			return errors.New("not noticed")
		}
		return nil
	})
	w.Set(droguetest.Registry, wire.Up)
	image(t, r, dev, "h/n:1") // by itself, after the backoff
}

func TestEndsWhileTheRegistryHangs(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Set(droguetest.Registry, wire.Hang)
	r, stop := w.registry()
	r.Desired(dev)
	linktest.Eventually(t, func() error {
		if w.Counters(droguetest.Registry).Received == 0 {
			return errors.New("not asked")
		}
		return nil
	})
	stop()
}

func TestRefusedApplicationSaysWhy(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.cfg.Registry.User, w.cfg.Registry.TokenFile = "", "" // anonymous
	r, _ := w.registry()
	r.Desired(dev)
	failure(t, r, dev, firmware.ErrDenied)
	if _, err := r.Desired(dev); !strings.Contains(err.Error(), "application app") {
		t.Errorf("%v does not name the application", err)
	}
}

// TestRetryAfter: nothing is asked before the time that the registry asked for.
func TestRetryAfter(t *testing.T) {
	o := newOutage(slog.New(slog.DiscardHandler), "registry", new(atomic.Bool))
	err := fmt.Errorf("429: %w", &backoff.RetryAfterError{Duration: time.Hour})
	if wait := o.failed(err); wait != time.Hour {
		t.Errorf("waits %v", wait)
	}
}

func TestTLS(t *testing.T) {
	w := newWorld(t, droguetest.Options{TLS: true})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	w.integrate("")
	r, _ := w.registry()
	image(t, r, dev, "h/n:1")
	live(t, r, true)
}
