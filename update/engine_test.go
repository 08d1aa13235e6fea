package update_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/update"
	"havn/update/desired"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inWorld runs f with image fw:v2 of 2050 bytes published.
func inWorld(t *testing.T, f func(t *testing.T, w *world), change ...func(*update.Config)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change...)
		defer func() { w.stop() }()
		w.publish("fw", "v2", 2050)
		w.refresh()
		f(t, w)
	})
}

func TestUpdateToSwapAndSync(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		cmd := w.ask("d", running("v1"))
		w.expect(cmd, dfu.OpWrite, "v2", 0)
		w.expectState("d", status.Updating)
		for offset := uint32(len(cmd.Data)); offset < 2050; offset += uint32(len(cmd.Data)) {
			cmd = w.ask("d", at("v1", "v2", offset))
			w.expect(cmd, dfu.OpWrite, "v2", offset)
		}
		w.expect(w.ask("d", at("v1", "v2", 2050)), dfu.OpSwap, "v2", 0)
		if v := w.expectState("d", status.Updating); v.Progress != 1 {
			t.Errorf("progress %v after the swap", v.Progress)
		}
		cmd = w.ask("d", running("v2"))
		w.expect(cmd, dfu.OpSync, "v2", 0)
		if cmd.Poll != 300 {
			t.Errorf("poll %d, want 300", cmd.Poll)
		}
		w.expectState("d", status.InSync)
	})
}

func TestETA(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		if v := w.view("d"); v.ETA != nil {
			t.Errorf("%v before anything is known", *v.ETA)
		}
		w.tick(10 * time.Second)
		w.ask("d", at("v1", "v2", 1024)) // half of it in 10 s
		if v := w.view("d"); v.ETA == nil || *v.ETA != 10*time.Second {
			t.Errorf("ETA %v, want 10 s", v.ETA)
		}
		w.ask("d", running("v2"))
		if v := w.view("d"); v.ETA != nil {
			t.Errorf("%v when it is done", *v.ETA)
		}
	})
}

func TestNothingDesired(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		row := w.Lookup("coap", []byte("other"), []byte("d"), time.Now())
		st := running("v1")
		if cmd := w.Request(row, &st, limits, time.Now()); cmd.Op != dfu.OpWait || cmd.Poll != 300 {
			t.Errorf("got %v poll %d", cmd.Op, cmd.Poll)
		}
		if v, _ := w.Device(dfu.Device{Application: "other", Name: "d"}); v.State != status.Unknown {
			t.Errorf("state %s", v.State)
		}
	})
}

func TestMissWaitsAndFetchesBehind(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.images.evict()
		cmd := w.ask("d", running("v1"))
		if cmd.Op != dfu.OpWait || cmd.Poll != 5 {
			t.Fatalf("got %v poll %d", cmd.Op, cmd.Poll)
		}
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
	})
}

func TestUpdateInFlightIsFinished(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart=%v", restart), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
				w.publish("fw", "v3", 4000)
				w.refresh()
				if restart {
					w.restart()
				}
				w.expect(w.ask("d", at("v1", "v2", 1024)), dfu.OpWrite, "v2", 1024)
				w.expect(w.ask("d", at("v1", "v2", 2050)), dfu.OpSwap, "v2", 0)
				w.expect(w.ask("d", running("v2")), dfu.OpWrite, "v3", 0)
			})
		})
	}
}

// A gateway that lost the row still knows the version by its ledger.
func TestInFlightIsFoundInTheLedger(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.publish("fw", "v3", 4000)
		w.refresh()
		w.images.evict()
		cmd := w.ask("stranger", at("v1", "v2", 1024))
		if cmd.Op != dfu.OpWait || cmd.Poll != 5 {
			t.Fatalf("got %v poll %d, want to be told to come back", cmd.Op, cmd.Poll)
		}
		w.expect(w.ask("stranger", at("v1", "v2", 1024)), dfu.OpWrite, "v2", 1024)
	})
}

func TestUnknownInFlight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		cmd := w.ask("d", at("v1", "v0.9", 64))
		if cmd.Op != dfu.OpWait || cmd.Poll != 300 {
			t.Fatalf("got %v poll %d", cmd.Op, cmd.Poll)
		}
		if v := w.expectState("d", status.Waiting); !strings.Contains(v.Error, `"v0.9"`) {
			t.Errorf("error %q does not name the version", v.Error)
		}
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0) // rebooted
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.expect(w.ask("d", at("v1", "v0.9", 64)), dfu.OpWrite, "v2", 0)
	}, func(c *update.Config) { c.UnknownInFlight = update.InFlightRestart })
}

func TestVersionNamesOneDigest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.ask("d", running("v1"))
		w.publish("fw", "v2", 1000)
		w.refresh()
		again := w.ask("d", running("v1"))
		if string(first.Data) != string(again.Data) {
			t.Error("the same version is served from other bytes")
		}
		if v := w.view("d"); !strings.Contains(v.Error, "new version") {
			t.Errorf("error %q does not say what to do", v.Error)
		}
	})
}

func TestTagThatMovesFallsBackToTheDigest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		m := w.publish("fw", "v2", 1000)
		m.Tagged = true
		w.src.put("fw", m, w.src.data[m.Digest])
		w.refresh()
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, m.Digest.Short(), 0)
	})
}

func TestSourceAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.src.setAway(true)
		w.tick(10 * time.Minute)
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
		// A box that boots without a network serves what is on its disk.
		w.stop()
		w.start()
		w.expect(w.ask("new", running("v1")), dfu.OpWrite, "v2", 0)
		if v := w.view("new"); !strings.Contains(v.Error, errAway.Error()) {
			t.Errorf("error %q does not say that the source is away", v.Error)
		}
	})
}

func TestNewImageReplacesTheOldOnlyWhenHeld(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		m := w.publish("fw", "v3", 3000)
		w.src.put("fw", m, []byte("not these bytes"))
		w.refresh()
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
		if v := w.view("d"); !strings.Contains(v.Error, "digest") {
			t.Errorf("error %q", v.Error)
		}
	})
}

func TestAlwaysResolvesWhenAnUpdateStarts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		spec := firmwaretest.Ref{Name: "fw", EachTime: true}.Spec()
		if err := w.Assign(context.Background(), dfu.Device{Application: "app", Name: "d"}, spec); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.tick(30 * time.Second)
		w.publish("fw", "v3", 100)
		if cmd := w.ask("d", running("v1")); cmd.Op != dfu.OpWait || cmd.Poll != 5 {
			t.Fatalf("got %v poll %d", cmd.Op, cmd.Poll)
		}
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v3", 0)
	})
}

func TestTableIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("updating", running("v1"))
		for i := range 500 {
			w.Lookup("coap", []byte("app"), fmt.Appendf(nil, "invented-%d", i), time.Now())
		}
		if n := len(w.Devices("")); n != 10 {
			t.Errorf("%d rows, want 10", n)
		}
		w.expectState("updating", status.Updating)
		w.restart()
		if n := len(w.Devices("")); n > 10 {
			t.Errorf("%d rows after a restart", n)
		}
	}, func(c *update.Config) { c.MaxDevices = 10 })
}

func TestInFlightImageIsRetained(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		cmd := w.ask("d", running("v1"))
		w.expect(cmd, dfu.OpWrite, "v2", 0)
		w.tick(2 * time.Second)
		img := w.images.Find(w.digest("v2"))
		if until := w.images.retained[img.Digest]; time.Until(until) < 29*24*time.Hour {
			t.Errorf("kept until %v only", until)
		}
	})
}

// digest returns that of a version in the ledger.
func (w *world) digest(version string) (digest []byte) {
	w.t.Helper()
	err := w.store.LoadVersions(func(_ string, m firmware.Metadata) {
		if m.Version == version {
			digest = m.Digest[:]
		}
	})
	if err != nil || digest == nil {
		w.t.Fatalf("version %q is not in the ledger (%v)", version, err)
	}
	return digest
}

// The first device of an application that no rule names is answered at once.
func TestFirstContactIsAnsweredAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.desired.SetRules([]desired.Rule{{Spec: container("fw")}})
		w.refresh()
		st, now := running("v1"), time.Now()
		row := w.Lookup("coap", []byte("new application"), []byte("d"), now)
		w.expect(w.Request(row, &st, limits, now), dfu.OpWrite, "v2", 0)
	})
}

// What an application calls v2 stays that, whatever rules for all say later.
func TestVersionOfOneApplicationIsNotThatOfAll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.digest("v2")
		w.publish("other", "v2", 300)
		w.desired.SetRules([]desired.Rule{{Spec: container("other")}})
		w.refresh()
		cmd := w.ask("d", at("v1", "v2", 1024))
		w.expect(cmd, dfu.OpWrite, "v2", 1024)
		if img := w.images.Find(old); string(cmd.Data) != string(img.Slice(1024, 1024)) {
			t.Error("the update goes on with other bytes")
		}
	})
}

func TestRequestDoesNotAllocate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		app, name, st, now := []byte("app"), []byte("d"), at("v1", "v2", 1024), time.Now()
		n := testing.AllocsPerRun(1000, func() {
			w.Request(w.Lookup("coap", app, name, now), &st, limits, now)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
