package update_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/update/desired"
)

// MaySwap makes source a firmware.Gate.
func (s *source) MaySwap(firmware.Spec, firmware.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.granted++
	}
	return s.closed
}

func (s *source) setGate(closed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = closed
}

// remove makes name resolve to nothing.
func (s *source) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.images, name)
}

var errWindow = errors.New("the swap waits for its window")

func controller(id string) firmware.Spec {
	return firmwaretest.Ref{Name: "hawkbit:" + id, TakenAway: true}.Spec()
}

func (w *world) retracted() {
	w.src.remove("hawkbit:c")
	w.refresh()
}

func (w *world) expectWait(cmd dfu.Command, poll time.Duration) {
	w.t.Helper()
	if cmd.Op != dfu.OpWait || cmd.Poll != uint32(poll.Seconds()) {
		w.t.Fatalf("got %v poll %d, want to wait for %v", cmd.Op, cmd.Poll, poll)
	}
}

// Who is in the middle of what was taken back goes on to the gate; nobody starts.
func TestWithdrawn(t *testing.T) {
	for name, restart := range map[string]bool{"": false, "restart": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.order("1", "v5", 2000)
				w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v5", 0)
				w.src.setGate(errWindow)
				w.retracted()
				if restart {
					w.restart()
					w.desired.SetRules([]desired.Rule{{Application: "app", Spec: controller("c")}})
					w.refresh()
				}
				w.expectWait(w.ask("e", running("v1")), w.cfg.Poll)
				v := w.expectState("e", status.Unknown)
				if !strings.Contains(v.Error, "hawkbit:c") || v.Target != "" {
					t.Errorf("target %q, error %q", v.Target, v.Error)
				}
				if _, err := w.Image(w.rowOf("b"), 0, 1024, time.Now()); !errors.Is(err, firmware.ErrNotFound) {
					t.Errorf("block-wise: %v", err)
				}
				w.expect(w.ask("d", at("v1", "v5", 1024)), dfu.OpWrite, "v5", 1024)
				w.expectWait(w.ask("d", at("v1", "v5", 2000)), w.cfg.Poll)
				if v := w.expectState("d", status.Updating); v.Error != errWindow.Error() {
					t.Errorf("error %q", v.Error)
				}
				w.expectWait(w.ask("d", running("v1")), w.cfg.Poll) // rebooted
				w.expectState("d", status.Unknown)
				w.src.setAway(true)
				w.tick(10 * time.Minute)
				w.expectWait(w.ask("e", running("v1")), w.cfg.Poll)

				w.src.setAway(false)
				w.order("2", "v6", 3000)
				w.expectState("e", status.Waiting)
				w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v6", 0)
			})
		})
	}
}

// A registry that lost a tag, or a directory a file, must not stop a site.
func TestLostIsNotWithdrawn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.src.remove("fw")
		w.refresh()
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
		w.restart()
		w.expect(w.ask("e", running("v1")), dfu.OpWrite, "v2", 0)
	})
}

// A controller to which nothing is assigned yet may be assigned to a device.
func TestAssignAController(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		dev := dfu.Device{Application: "app", Name: "d"}
		if err := w.Assign(context.Background(), dev, controller("idle")); err != nil {
			t.Fatal(err)
		}
		w.refresh()
		w.expectWait(w.ask("d", running("v1")), w.cfg.Poll)
	})
}

// A rule for all applications offers nothing either that was taken back.
func TestWithdrawnFromAllApplications(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.order("1", "v5", 2000)
		w.desired.SetRules([]desired.Rule{{Spec: controller("c")}})
		w.refresh()
		w.retracted()
		st := running("v1")
		row := w.Lookup("coap", []byte("new application"), []byte("d"), time.Now())
		if cmd := w.Request(row, &st, limits, time.Now()); cmd.Op != dfu.OpWait {
			t.Errorf("got %v", cmd.Op)
		}
	})
}

func TestHeldAtTheSwap(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.src.setGate(errWindow)
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 1900))
		w.expectTaken(u, "d updating v1>v2 1900")
		w.tick(10 * time.Second)
		w.expectWait(w.ask("d", at("v1", "v2", 2000)), w.cfg.Poll)
		w.expectTaken(u, "d updating v1>v2 2000 (progress)") // a small step, and worth telling
		v := w.expectState("d", status.Updating)
		if v.Offset != v.Size || v.Error != errWindow.Error() {
			t.Errorf("%d of %d, error %q", v.Offset, v.Size, v.Error)
		}
		w.restart()
		if v := w.expectState("d", status.Updating); v.Offset != v.Size {
			t.Errorf("%d of %d after the restart", v.Offset, v.Size)
		}
		w.tick(time.Hour)
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0) // rebooted: nothing failed
		w.expectWait(w.ask("d", at("v1", "v2", 2000)), w.cfg.Poll)
		w.tick(time.Minute)
		u.take()
		w.src.setGate(nil)
		w.expect(w.ask("d", at("v1", "v2", 2000)), dfu.OpSwap, "v2", 0)
		if v := w.expectState("d", status.Updating); v.Error != "" || w.src.granted != 1 {
			t.Errorf("error %q, %d granted", v.Error, w.src.granted)
		}
		w.expectTaken(u, "d updating v1>v2 2000 (progress)") // it goes on
		w.tick(time.Minute)
		w.ask("d", running("v1"))
		w.expectState("d", status.Failed)
	})
}

// A device without a release finishes what it is in the middle of.
func TestNoReleaseIsNotGated(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.src.setGate(errWindow)
		w.desired.SetRules(nil)
		w.refresh()
		w.expect(w.ask("d", at("v1", "v2", 2050)), dfu.OpSwap, "v2", 0)
	})
}

// Block-wise devices swap by themselves: they are held before the first block,
// and not after it.
func TestHeldAtTheFirstBlock(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.get("late", 0, 1024)
		w.src.setGate(errWindow)
		for range 2 {
			_, err := w.Image(w.rowOf("d"), 0, 1024, time.Now())
			if !errors.Is(err, firmware.ErrPending) || !errors.Is(err, errWindow) {
				t.Fatalf("got %v", err)
			}
			w.report("d", "v1")
			if v := w.expectState("d", status.Waiting); v.Error != errWindow.Error() {
				t.Errorf("error %q", v.Error)
			}
		}
		w.get("late", 1024, 2050)
		if _, err := w.Image(w.rowOf("late"), 0, 1024, time.Now()); !errors.Is(err, errWindow) {
			t.Fatalf("from the start again: %v", err)
		}
		w.expectState("late", status.Waiting)
		w.src.setGate(nil)
		granted := w.src.granted
		w.images.evict()
		if _, err := w.Image(w.rowOf("d"), 0, 1024, time.Now()); !errors.Is(err, firmware.ErrPending) {
			t.Fatal(err)
		}
		w.tick(time.Second)
		if w.src.granted != granted {
			t.Error("a swap was granted to a device that got no block")
		}
		w.get("d", 0, 2050)
		w.report("d", "v2")
		if v := w.expectState("d", status.InSync); v.Error != "" {
			t.Errorf("error %q", v.Error)
		}
	})
}

func TestGatedRequestDoesNotAllocate(t *testing.T) {
	for name, closed := range map[string]error{"held": errWindow, "granted": nil} {
		t.Run(name, func(t *testing.T) {
			inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
				w.order("1", "v5", 2000)
				w.src.setGate(closed)
				w.ask("d", running("v1"))
				app, dev, st, now := []byte("app"), []byte("d"), at("v1", "v5", 2000), time.Now()
				n := testing.AllocsPerRun(1000, func() {
					w.Request(w.Lookup("coap", app, dev, now), &st, limits, now)
				})
				if n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		})
	}
}
