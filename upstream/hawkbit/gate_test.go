package hawkbit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestWindow(t *testing.T) {
	for name, cfg := range map[string]hawkbittest.Config{"c=": {}, "no c=": {NoWindowETag: true}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, cfg)
			id := w.server.Assign(hawkbittest.Assignment{Controller: "dev1", Window: true,
				Modules: hawkbittest.Firmware("2", "fw.bin", image(100))})
			m := w.mustResolve()
			w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Offset: 100})
			if err := w.maySwap(m.Digest); !errors.Is(err, ErrWindow) {
				t.Errorf("%s: closed window: %v", name, err)
			}
			w.server.SetWindow(id, true)
			time.Sleep(5 * time.Minute)
			w.mustResolve()
			if err := w.maySwap(m.Digest); err != nil {
				t.Errorf("%s: open window: %v", name, err)
			}
			time.Sleep(10*time.Minute + 1)
			if err := w.maySwap(m.Digest); !errors.Is(err, ErrWindow) {
				t.Errorf("%s: window not heard of for two sleeps: %v", name, err)
			}
			w.restart()
			w.server.Inject(hawkbittest.Fault{Status: 500})
			if _, err := w.resolve("dev1"); err == nil {
				t.Errorf("%s: no error", name)
			}
			if err := w.maySwap(m.Digest); !errors.Is(err, ErrWindow) {
				t.Errorf("%s: restarted without a server: %v", name, err)
			}
		})
	}
}

func TestMaySwapBeforeTheFirstPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("2", image(100))
		if err := w.maySwap(firmware.Digest{}); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		w.server.Inject(hawkbittest.Fault{Status: 500, Times: 1})
		if _, err := w.resolve("dev1"); err == nil {
			t.Error("no error")
		}
		if err := w.maySwap(firmware.Digest{}); !errors.Is(err, ErrUnknown) {
			t.Errorf("after a poll that failed: %v", err)
		}
		m := w.mustResolve()
		w.restart()
		w.server.Inject(hawkbittest.Fault{Status: 500})
		if _, err := w.resolve("dev1"); err == nil {
			t.Error("no error")
		}
		if err := w.maySwap(m.Digest); err != nil {
			t.Errorf("restarted without a server: %v", err)
		}
	})
}

func TestMaySwapDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("2", image(100))
		m := w.mustResolve()
		dev1 := spec("dev1")
		if n := testing.AllocsPerRun(100, func() { _ = w.MaySwap(dev1, m.Digest) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestCancelIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Offset: 50})
		w.server.Cancel(id)
		time.Sleep(5 * time.Minute)
		if _, err := w.resolve("dev1"); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("after the cancel: %v", err)
		}
		if a := w.server.Action(id); a.Status != hawkbittest.Canceled || a.Active {
			t.Errorf("%+v", a)
		}
		w.restart()
		if _, err := w.resolve("dev1"); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("after the restart: %v", err)
		}
		if err := w.maySwap(m.Digest); !errors.Is(err, ErrCancelled) {
			t.Errorf("device in the middle of it: %v", err)
		}
		w.assign("3", image(200))
		time.Sleep(5 * time.Minute)
		w.mustResolve()
		if err := w.maySwap(m.Digest); err != nil {
			t.Errorf("in flight before another action: %v", err)
		}
	})
}

func TestCancelGivesWayToTheInstalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(50))
		first := w.mustResolve()
		w.mustReport(status.Status{State: status.InSync, Digest: first.Digest, Current: "1"})
		id := w.assign("2", image(100))
		if m := w.mustResolve(); m.Version != "2" {
			t.Fatalf("%+v", m)
		}
		w.server.ForceQuit(id)
		time.Sleep(5 * time.Minute)
		if m := w.mustResolve(); m.Digest != first.Digest {
			t.Errorf("%+v", m)
		}
	})
}

func TestCancelIsTooLate(t *testing.T) {
	for name, swap := range map[string]func(*world, firmware.Metadata){
		"granted": func(w *world, m firmware.Metadata) {
			if err := w.maySwap(m.Digest); err != nil {
				t.Error(err)
			}
		},
		"reported, and restarted since": func(w *world, m firmware.Metadata) {
			w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Offset: 100})
			w.restart()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{})
			id := w.assign("2", image(100))
			m := w.mustResolve()
			swap(w, m)
			w.server.Cancel(id)
			time.Sleep(5 * time.Minute)
			if again := w.mustResolve(); again.Digest != m.Digest {
				t.Errorf("%s: %+v", name, again)
			}
			if w.count(id, hawkbittest.CancelRejected) != 1 {
				t.Errorf("%s: %+v", name, w.server.Action(id))
			}
			w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
			if a := w.server.Action(id); a.Status != hawkbittest.Finished {
				t.Errorf("%s: %+v", name, a)
			}
		})
	}
}

// TestReassignment plays what an operator does most: another set while the
// first is under way, which the server cancels.
func TestReassignment(t *testing.T) {
	for _, multi := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{MultiAssign: multi})
			first := w.assign("2", image(100))
			w.mustResolve()
			second := w.assign("3", image(200))
			time.Sleep(5 * time.Minute)
			m := w.mustResolve()
			if multi {
				w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
				m = w.mustResolve()
			} else if a := w.server.Action(first); a.Status != hawkbittest.Canceled {
				t.Errorf("%+v", a)
			}
			if m.Version != "3" {
				t.Errorf("%+v", m)
			}
			w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "3"})
			if a := w.server.Action(second); a.Status != hawkbittest.Finished {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestEarlierActionsAreNotReported requires that what became of an image says
// nothing about another action with the same image.
func TestEarlierActionsAreNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.server.ForceQuit(w.assign("2", image(100)))
		id := w.assign("2", image(100))
		m := w.mustResolve()
		late := status.Status{State: status.Failed, Digest: m.Digest, Order: "1", Error: "it rolled back"}
		if err := w.Report(context.Background(), "dev1", late); err != nil {
			t.Error(err)
		}
		if !w.server.Action(id).Active {
			t.Errorf("%+v", w.server.Action(id))
		}
		w.mustReport(late)
		if w.server.Action(id).Active {
			t.Error("its own failure did not end the action")
		}
	})
}

// TestCancelSurvivesALostAnswer requires that a cancel that was carried out, but
// whose answer was lost, does no harm.
func TestCancelSurvivesALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		w.mustResolve()
		w.server.Cancel(id)
		w.server.Inject(hawkbittest.Fault{Match: "feedback", Lose: true, Times: 1})
		time.Sleep(5 * time.Minute)
		if _, err := w.resolve("dev1"); err == nil {
			t.Error("no error")
		}
		if _, err := w.resolve("dev1"); !errors.Is(err, firmware.ErrNotFound) {
			t.Error(err)
		}
	})
}
