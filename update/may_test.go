package update_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/update"
)

// path is how a device updates: over both paths the same facts have the same
// verdict.
type path struct {
	deliver func(w *world, device string)                 // v2 to its end
	say     func(w *world, device, version string)        // not in the middle of anything
	start   func(w *world, device, version string) string // the verdict: "go", or how it is held
	swap    func(w *world, device, version string) string // as soon as it has all
}

var paths = map[string]path{
	"cbor": {
		deliver: func(w *world, device string) {
			w.ask(device, running("v1"))
			w.ask(device, at("v1", "v2", 2050))
		},
		say: func(w *world, device, version string) { w.ask(device, running(version)) },
		start: func(w *world, device, version string) string {
			return w.verdict(w.ask(device, running(version)).Op == dfu.OpWrite, device)
		},
		swap: func(w *world, device, version string) string {
			return w.verdict(w.ask(device, at(version, "v2", 2050)).Op == dfu.OpSwap, device)
		},
	},
	"blocks": {
		deliver: func(w *world, device string) {
			w.report(device, "v1")
			w.get(device, 0, 2050)
		},
		say:   func(w *world, device, version string) { w.report(device, version) },
		start: (*world).fetch,
		swap:  (*world).fetch, // it swaps by itself: the first block is the step
	},
}

func (w *world) fetch(device, version string) string {
	w.report(device, version)
	_, err := w.Image(w.rowOf(device), 0, 1024, time.Now())
	synctest.Wait()
	if err != nil && !errors.Is(err, firmware.ErrPending) && !errors.Is(err, update.ErrNotBooted) {
		w.t.Fatal(err)
	}
	return w.verdict(err == nil, device)
}

// verdict names what was decided: whether the device failed, and what its row
// says.
func (w *world) verdict(may bool, device string) string {
	if may {
		return "go"
	}
	v := w.view(device)
	if v.State == status.Failed {
		return "failed: " + v.Error
	}
	return "held: " + v.Error
}

func TestSameVerdictOnBothPaths(t *testing.T) {
	tests := []struct {
		name    string
		verdict func(w *world, p path) string
		want    string // the beginning
	}{
		{"first contact", func(w *world, p path) string { return p.start(w, "d", "v1") }, "go"},
		{"rolled back", func(w *world, p path) string {
			p.deliver(w, "d")
			w.tick(time.Minute)
			return p.start(w, "d", "v1")
		}, `failed: after the swap to "v2" the device came back with "v1"`},
		{"rolled back, and said it before", func(w *world, p path) string {
			p.deliver(w, "d")
			w.tick(time.Minute)
			p.say(w, "d", "v1")
			w.restart()
			return p.start(w, "d", "v1")
		}, `failed: after the swap to "v2" the device came back with "v1"`},
		{"rolled back, and a new target", func(w *world, p path) string {
			p.deliver(w, "d")
			w.tick(time.Minute)
			p.say(w, "d", "v1")
			w.publish("fw", "v3", 300)
			w.refresh()
			return p.start(w, "d", "v1")
		}, "go"},
		{"rolled back, and an operator's retry", func(w *world, p path) string {
			p.deliver(w, "d")
			w.tick(time.Minute)
			p.say(w, "d", "v1")
			if err := w.RetryDevice(dfu.Device{Application: "app", Name: "d"}); err != nil {
				w.t.Fatal(err)
			}
			return p.start(w, "d", "v1")
		}, "go"},
		{"other firmware by the ledger", func(w *world, p path) string {
			w.publish("fw", "v0", 300)
			w.refresh()
			w.publish("fw", "v2", 2050)
			w.refresh()
			p.deliver(w, "d")
			w.tick(time.Minute)
			p.say(w, "d", "v0")
			return p.start(w, "d", "v0")
		}, `failed: after the swap to "v2" the device came back with "v0", another firmware`},
		{"other firmware after it had booted", func(w *world, p path) string {
			p.deliver(w, "d")
			p.say(w, "d", "v2")
			w.tick(time.Minute)
			return p.start(w, "d", "v7")
		}, `failed: after the swap to "v2" the device came back with "v7", another firmware`},
		{"must be resolved first", func(w *world, p path) string {
			w.publish("other", "o1", 100)
			spec := firmwaretest.Ref{Name: "other", EachTime: true}.Spec()
			if err := w.Assign(w.t.Context(), dfu.Device{Application: "app", Name: "d"}, spec); err != nil {
				w.t.Fatal(err)
			}
			synctest.Wait()
			w.tick(30 * time.Second)
			return p.start(w, "d", "v1")[:4]
		}, "held"},
		{"held by its source", func(w *world, p path) string {
			p.say(w, "d", "v1")
			w.src.setGate(errWindow)
			return p.swap(w, "d", "v1")
		}, "held: " + errWindow.Error()},
		{"no longer held by its source", func(w *world, p path) string {
			w.src.setGate(errWindow)
			p.swap(w, "d", "v1")
			w.src.setGate(nil)
			return p.swap(w, "d", "v1")
		}, "go"},
	}
	for _, tt := range tests {
		for name, p := range paths {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					if got := tt.verdict(w, p); !strings.HasPrefix(got, tt.want) {
						t.Errorf("got %q, want %q", got, tt.want)
					}
				})
			})
		}
	}
}

// A device that is in the middle of an unknown version and may start over is started
// no sooner than any other.
func TestRestartIsAStart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		paths["cbor"].deliver(w, "d")
		w.tick(time.Minute)
		if cmd := w.ask("d", at("v1", "v0.9", 64)); cmd.Op != dfu.OpWait {
			t.Errorf("%v to a device that rolled back", cmd.Op)
		}
		w.expectState("d", status.Failed)
		w.expect(w.ask("e", at("v1", "v0.9", 64)), dfu.OpWrite, "v2", 0)
	}, func(c *update.Config) { c.UnknownInFlight = update.InFlightRestart })
}

// What only the link and the class of a CBOR device forbid.
func TestLinkMayForbidAStep(t *testing.T) {
	narrow, busy := limits, limits
	narrow.Payload = 40
	busy.NoStart = true
	tests := []struct {
		name    string
		version string // of the target
		status  dfu.Status
		limits  update.Limits
		op      dfu.Op
		said    string
	}{
		{"swap must fit before the start", "v3", running("v1"), narrow, dfu.OpWait, "does not fit"},
		{"a started update goes on, whatever the swap", "v3", at("v1", "v3", 32), narrow, dfu.OpWrite, ""},
		{"until the swap is due", "v3", at("v1", "v3", 100), narrow, dfu.OpWait, "does not fit"},
		{"no airtime to begin", "v3", running("v1"), busy, dfu.OpWait, "airtime"},
		{"airtime to go on", "v3", at("v1", "v3", 32), busy, dfu.OpWrite, ""},
		{"version of 16 bytes", "0123456789abcdef", running("v1"), limits, dfu.OpWrite, ""},
		{"version of 17 bytes", "0123456789abcdefg", running("v1"), limits, dfu.OpWait, "17 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.publish("fw", tt.version, 100)
				w.refresh()
				cmd := w.Request(w.rowOf("d"), &tt.status, tt.limits, time.Now())
				if v := w.view("d"); cmd.Op != tt.op || !strings.Contains(v.Error, tt.said) {
					t.Errorf("got %v, %q; want %v, %q", cmd.Op, v.Error, tt.op, tt.said)
				}
			})
		})
	}
}
