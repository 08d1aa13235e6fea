package update_test

import (
	"testing"
	"time"

	"havn/dfu"
	"havn/status"
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
