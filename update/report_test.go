package update_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/update/row"
)

var errFull = errors.New("disk full")

func TestReportsAnUpdate(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		w.expectTaken(u, "d updating v1>v2 0")
		w.ask("d", at("v1", "v2", 1000))
		w.expectTaken(u) // too soon after the last one
		w.tick(10 * time.Second)
		w.expectTaken(u, "d updating v1>v2 1000 (progress)") // though it was not heard again
		w.tick(10 * time.Second)
		w.ask("d", at("v1", "v2", 1196))
		w.expectTaken(u) // too little
		w.ask("d", at("v1", "v2", 1200))
		w.expectTaken(u, "d updating v1>v2 1200 (progress)")
		w.ask("d", at("v1", "v2", 2000))
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		for range 3 {
			w.tick(300 * time.Second)
			w.ask("d", running("v2"))
		}
		w.expectTaken(u)
	})
}

func TestReportsFailureAndRetry(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 2000))
		w.expectTaken(u, "d updating v1>v2 2000")
		w.tick(time.Minute)
		w.ask("d", running("v1"))
		w.expectTaken(u, "d failed v1>v2 2000")
		if err := w.RetryDevice(dfu.Device{Application: "app", Name: "d"}); err != nil {
			t.Fatal(err)
		}
		w.expectTaken(u, "d updating v1>v2 2000")
	})
}

func TestNothingIsReportedTwice(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.restart()
		w.src.setAway(true)
		w.restart()
		w.ask("d", running("v2"))
		w.expectTaken(u)
	})
}

// What the Reporter fails to take is derived again, by this process or the next.
func TestReportFails(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart=%v", restart), func(t *testing.T) {
			inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
				u.fail(errFull, nil)
				w.ask("d", running("v1"))
				w.tick(time.Minute)
				w.ask("d", running("v2"))
				w.expectTaken(u)
				if w.Rows().Stats().ReportFailures.Load() == 0 {
					t.Error("not counted")
				}
				if restart {
					w.restart()
				}
				u.fail(nil, nil)
				w.expectTaken(u, "d in-sync v2>v2 2000")
			})
		})
	}
}

// A crash between the Reporter's disk and ours: it may know more than we do, so
// it is told where the device stands, even if that is what it was told before.
func TestReportTakenButNotNoted(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		u.fail(nil, errFull)
		w.ask("d", running("v1"))
		w.tick(time.Second)
		w.ask("d", running("v2"))
		w.stop()
		u.fail(nil, nil)
		u.take()
		w.start()
		w.expectTaken(u, "d in-sync v2>v2 2000")
	})
}

func TestReportAll(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.Rows().ReportAll()
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.expectTaken(u)
	})
}

func TestReportAgain(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.ask("e", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000", "e in-sync v2>v2 2000")
		w.Rows().ReportAgain([]dfu.Device{{Application: "app", Name: "e"}, {Application: "app", Name: "gone"}})
		w.expectTaken(u, "e in-sync v2>v2 2000")
		w.expectTaken(u)
	})
}

func TestReportsATargetThatMoved(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.publish("fw", "v3", 100)
		w.tick(2 * w.cfg.Refresh)
		w.expectTaken(u, "d waiting v2>v3 0")
	})
}

func TestReportsWhyADeviceWaits(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", at("v1", "v0.9", 64))
		w.expectTaken(u, "d waiting v1>v2 0")
		w.tick(10 * time.Second)
		w.ask("d", at("v1", "v0.8", 64)) // only the explanation changed
		w.expectTaken(u, "d waiting v1>v2 0 (progress)")
	})
}

// An image that fell out of memory in the middle of a transfer passes by itself.
func TestAMissIsNoTransition(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		w.expectTaken(u, "d updating v1>v2 0")
		w.images.evict()
		w.ask("d", at("v1", "v2", 100))
		w.expectTaken(u)
		w.ask("d", at("v1", "v2", 100))
		w.tick(time.Minute)
		w.expectTaken(u)
	})
}

// Names that nothing is desired for are invented freely: nobody is told, unless
// of a device that was known before.
func TestNothingDesiredIsNotReported(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.desired.SetRules(nil)
		w.refresh()
		w.ask("e", running("v1"))
		w.expectTaken(u, "d unknown v2> 0")
		w.restart()
		w.desired.SetRules(nil)
		w.refresh()
		w.expectTaken(u)
	})
}

// asking is a registry that has not answered yet.
type asking struct{}

func (asking) Desired(dfu.Device) (firmware.Spec, error) { return firmware.Spec{}, firmware.ErrPending }

// A gateway that starts without its registry has no news of its devices.
func TestLookupUnderWayIsNoTransition(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v2"))
		w.expectTaken(u, "d in-sync v2>v2 2000")
		w.registry = asking{}
		w.restart()
		w.ask("d", running("v2"))
		w.expectTaken(u)
	})
}

func TestForgottenDeviceIsNotReported(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		if err := w.Forget(dfu.Device{Application: "app", Name: "d"}); err != nil {
			t.Fatal(err)
		}
		w.expectTaken(u)
	})
}

func TestPace(t *testing.T) {
	for p, ok := range map[row.Pace]bool{
		{}: true, {ProgressEvery: 100, MinInterval: time.Hour}: true,
		{ProgressEvery: -1}: false, {ProgressEvery: 101}: false, {MinInterval: -1}: false,
	} {
		if err := p.Validate(); (err == nil) != ok {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// The device path pays nothing for being reported.
func TestReportedRequestDoesNotAllocate(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		app, name, st, now := []byte("app"), []byte("d"), at("v1", "v2", 1000), time.Now()
		n := testing.AllocsPerRun(1000, func() {
			w.Request(w.Lookup("coap", app, name, now), &st, limits, now)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
