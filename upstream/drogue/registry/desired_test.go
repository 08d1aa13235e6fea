package registry

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/link/linktest"
	"havn/status"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

func named(name string) dfu.Device { return dfu.Device{Application: "app", Name: name} }

func TestDesired(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.PutApplication("app", `{"firmware":{"file":{"name":"default"}}}`)
	for name, section := range map[string]string{
		"container": `{"container":{"image":"h/n:1","imagePullPolicy":"Always","build":{"x":1}}}`,
		"oci":       `{"oci":{"image":"h/n:2"}}`,
		"file":      `{"file":{"name":"blinky"}}`,
		"hawkbit":   `{"hawkbit":{"controller":"c1"}}`,
		"unknown":   `{"ftp":{"url":"x"}}`,
		"two":       `{"container":{"image":"h/n:1"},"file":{"name":"x"}}`,
		"text":      `"h/n:1"`,
		"null":      `null`,
		"policy":    `{"container":{"image":"h/n:1","imagePullPolicy":"Never"}}`,
	} {
		w.PutDevice("app", name, `{"firmware":`+section+`}`, nil)
	}
	w.PutDevice("app", "a/b@c %", `{"firmware":{"file":{"name":"odd"}}}`, nil)
	r, _ := w.registry()

	image(t, r, named("container"), "h/n:1")
	if spec, _ := r.Desired(named("container")); !spec.Always() {
		t.Error("imagePullPolicy lost")
	}
	image(t, r, named("oci"), "h/n:2")
	image(t, r, named("file"), "file:blinky")
	image(t, r, named("hawkbit"), "hawkbit:c1")
	image(t, r, named("d1"), "file:default")
	image(t, r, named("a/b@c %"), "file:odd")
	for _, broken := range []string{"unknown", "two", "text", "null", "policy"} {
		failure(t, r, named(broken), firmware.ErrInvalid)
	}
	failure(t, r, named("nobody"), firmware.ErrNotFound)
	failure(t, r, dfu.Device{Application: "nothing", Name: "d"}, firmware.ErrNotFound)
}

func TestDesiredIsPendingUntilAnswered(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	w.Inject(droguetest.Registry, wire.Fault{Times: 1, Delay: 50 * time.Millisecond})
	r, _ := w.registry()
	if _, err := r.Desired(dev); !errors.Is(err, firmware.ErrPending) {
		t.Fatalf("first answer: %v", err)
	}
	if got := <-w.changed; got != dev {
		t.Errorf("told of %s", got)
	}
	if spec, err := r.Desired(dev); err != nil || spec.Key() != "h/n:1" {
		t.Errorf("after it was told: %q, %v", spec.Key(), err)
	}
}

func TestRefreshFollows(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.cfg.Registry.Refresh = 50 * time.Millisecond
	r, _ := w.registry()
	failure(t, r, dev, firmware.ErrNotFound)
	w.PutApplication("app", `{"firmware":{"file":{"name":"all"}}}`)
	image(t, r, dev, "file:all")
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	image(t, r, dev, "h/n:1")
	w.PutDevice("app", "d1", `{"firmware":{}}`, nil)
	failure(t, r, dev, firmware.ErrInvalid)
	w.DeleteDevice("app", "d1")
	failure(t, r, dev, firmware.ErrNotFound)
	w.PutDevice("app", "d1", deviceSpec, nil)
	image(t, r, dev, "file:all")
	w.DeleteApplication("app")
	failure(t, r, dev, firmware.ErrNotFound)
}

// TestAskedOnceIsFollowed: nobody has to look a device up again for it to be
// read again.
func TestAskedOnceIsFollowed(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.cfg.Registry.Refresh = 20 * time.Millisecond
	r, _ := w.registry()
	r.Desired(dev)
	<-w.changed
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	<-w.changed
	image(t, r, dev, "h/n:1")
}

func TestRefreshOnDemand(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, _ := w.registry()
	failure(t, r, dev, firmware.ErrNotFound)
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	r.Retry()
	image(t, r, dev, "h/n:1")
}

func TestKnownIsServedAfterARestartWithoutTheCloud(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.PutApplication("app", `{"firmware":{"file":{"name":"all"}}}`)
	w.PutDevice("app", "d2", firmwareSpec("h/n:2"), nil)
	w.PutDevice("app", "bad", `{"firmware":{}}`, nil)
	r, stop := w.registry()
	image(t, r, dev, "file:all")
	image(t, r, named("d2"), "h/n:2")
	failure(t, r, named("bad"), firmware.ErrInvalid)
	failure(t, r, named("nobody"), firmware.ErrNotFound)
	stop()

	w.Set(droguetest.Registry, wire.Away)
	r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d1": "file:all", "d2": "h/n:2"} {
		if spec, err := r.Desired(named(name)); err != nil || spec.Key() != want {
			t.Errorf("%s: %q, %v, want %q", name, spec.Key(), err, want)
		}
	}
	for name, want := range map[string]error{"bad": firmware.ErrInvalid, "nobody": firmware.ErrNotFound} {
		if _, err := r.Desired(named(name)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	linktest.Run(t, r.Run)
	linktest.Eventually(t, func() error {
		if !r.Stats().Away.Load() {
			return errors.New("not noticed that the registry is away")
		}
		return nil
	})
	image(t, r, named("d2"), "h/n:2")
}

func TestBrokenStoreIsAskedAnew(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	w.store.m[indexKey] = []byte(`["app","other"]`)
	w.store.m[keyPrefix+"app"] = []byte(`{"devices":`)
	r, stop := w.registry()
	image(t, r, dev, "h/n:1")
	stop()
	if _, err := New(w.cfg, Parts{Kinds: kinds, Store: &memory{failed: errors.New("disk")}}); err != nil {
		t.Error(err)
	}
}

func TestEventsAreFollowedAtOnce(t *testing.T) {
	for _, group := range []string{"", "site-1"} {
		w := newWorld(t, droguetest.Options{})
		w.integrate(group)
		r, _ := w.registry()
		failure(t, r, dev, firmware.ErrNotFound)
		live(t, r, true)
		w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
		image(t, r, dev, "h/n:1")

		w.Set(droguetest.Integration, wire.Away)
		live(t, r, false)
		w.PutDevice("app", "d1", firmwareSpec("h/n:2"), nil)
		w.Set(droguetest.Integration, wire.Up)
		image(t, r, dev, "h/n:2") // read when subscribed again
		live(t, r, true)
		w.PutDevice("app", "d1", firmwareSpec("h/n:3"), nil)
		image(t, r, dev, "h/n:3")
	}
}

// live waits until the integration tells of changes in app, or does not.
func live(t *testing.T, r *Registry, want bool) {
	t.Helper()
	linktest.Eventually(t, func() error {
		r.mu.RLock()
		defer r.mu.RUnlock()
		app := r.apps["app"]
		if app == nil || app.live != want || (want && app.rounds == 0) {
			return fmt.Errorf("live is not %v", want)
		}
		return nil
	})
}

func TestEventsOfOthersCostNothing(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.integrate("")
	r, _ := w.registry()
	failure(t, r, dev, firmware.ErrNotFound)
	live(t, r, true)
	before, _ := w.gets()
	for i := range 20 {
		w.PutDevice("app", fmt.Sprint("other-", i), deviceSpec, nil)
	}
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	image(t, r, dev, "h/n:1")
	if after, _ := w.gets(); after != before+1 {
		t.Errorf("%d devices were read, want 1", after-before)
	}
	if r.Stats().Events.Load() < 21 {
		t.Errorf("%d events counted", r.Stats().Events.Load())
	}
}

func TestOwnStatusIsNotReadBack(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.integrate("")
	r, _ := w.registry()
	failure(t, r, dev, firmware.ErrNotFound)
	live(t, r, true)
	before, _ := w.gets()
	events := r.Stats().Events.Load()
	for i := range uint32(5) {
		s := at(dev, status.Status{Current: "1", Target: "2", State: status.Updating, Offset: i, Size: 100})
		if err := r.write(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	linktest.Eventually(t, func() error {
		if n := r.Stats().Events.Load() - events; n < 5 {
			return fmt.Errorf("%d events", n)
		}
		return nil
	})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil) // somebody else's is
	image(t, r, dev, "h/n:1")
	if after, _ := w.gets(); after != before+6 {
		t.Errorf("%d devices were read, want 5 by the writes and 1", after-before)
	}
}

func TestBadEventsArePassedOver(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.integrate("")
	r, _ := w.registry()
	for _, text := range []string{"", "x", `{"type":1}`, `[]`} {
		r.events.receive("app/app", []byte(text))
	}
	if n := r.Stats().BadEvents.Load(); n != 4 {
		t.Errorf("%d counted", n)
	}
}

func TestTablesAreBounded(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	now := time.Unix(1_000_000, 0)
	r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store, MaxDevices: 10, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		r.Desired(dfu.Device{Application: fmt.Sprint("x", i%20), Name: fmt.Sprint(i)})
	}
	if n := r.names + r.open + len(r.apps); n > 11 {
		t.Errorf("%d names kept, want about 10", n)
	}
	if r.Stats().DroppedQuestions.Load() == 0 {
		t.Error("nothing counted as dropped")
	}
	r.round(t.Context())
	now = now.Add(forgetSoon + time.Second)
	if r.round(t.Context()); r.names+r.open+len(r.apps) != 0 {
		t.Errorf("%d names left of devices that nobody has", r.names+r.open+len(r.apps))
	}
	r.client.Close()
}
