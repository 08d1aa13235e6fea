package update_test

import (
	"testing"
	"time"

	"havn/dfu"
	"havn/status"
	"havn/update"
)

// A clock that was set back delays no progress until it has caught up.
func TestProgressAfterTheClockWasSetBack(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		w.expectTaken(u, "d updating v1>v2 0")
		w.stop()
		w.back = time.Hour
		w.start()
		w.ask("d", at("v1", "v2", 1000))
		w.expectTaken(u, "d updating v1>v2 1000 (progress)")
	})
}

// errorsTold is a Reporter that writes down the errors it is told.
type errorsTold struct{ texts []string }

func (e *errorsTold) Report(changes []status.Change) error {
	for i := range changes {
		e.texts = append(e.texts, changes[i].Error)
	}
	return nil
}

// That a tag cannot be looked up is no reason why a device stands where it
// stands. Nobody would be told of the end of it.
func TestUnrelatedErrorIsNotReported(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, _ *upstream) {
		told := &errorsTold{}
		w.stop()
		w.reporter = told
		w.start()
		w.src.setAway(true)
		w.refresh()
		for _, st := range []dfu.Status{running("v1"), running("v2")} {
			w.ask("d", st)
			w.tick(2 * time.Second)
		}
		if len(told.texts) != 2 || told.texts[0]+told.texts[1] != "" {
			t.Errorf("told %q", told.texts)
		}
		if v, err := w.Device(dfu.Device{Application: "app", Name: "d"}); err != nil || v.Error == "" {
			t.Errorf("the row says %q, %v", v.Error, err)
		}
	})
}

// asksAgain is a Reporter that has somebody new to tell while it takes changes.
type asksAgain struct {
	engine *update.Engine
	taken  int
}

func (a *asksAgain) Report(changes []status.Change) error {
	if a.taken++; a.taken == 1 {
		a.engine.Rows().ReportAll()
	}
	return nil
}

// ReportAll holds for a device whose report is under way, too.
func TestReportAllDuringAReport(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, _ *upstream) {
		again := &asksAgain{}
		w.stop()
		w.reporter = again
		w.start()
		again.engine = w.Engine
		w.ask("d", running("v2"))
		w.tick(3 * time.Second)
		if again.taken != 2 {
			t.Errorf("told %d times", again.taken)
		}
	})
}
