package hawkbit

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/link"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

// TestOutcomeSurvives requires that an outcome arrives after an outage and a
// restart, without another report.
func TestOutcomeSurvives(t *testing.T) {
	for name, fault := range map[string]hawkbittest.Fault{
		"500": {Status: 500}, "lost": {Lose: true}, "401": {Status: 401}, "429": {Status: 429},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{})
			id := w.assign("2", image(100))
			m := w.mustResolve()
			fault.Match = "feedback"
			w.server.Inject(fault)
			err := w.report(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
			if err == nil || !strings.Contains(err.Error(), "controller dev1 action 1: feedback closed/success") {
				t.Errorf("%s: %v", name, err)
			}
			w.restart()
			w.server.Heal()
			if again := w.mustResolve(); again.Digest != m.Digest {
				t.Errorf("%s: %+v", name, again)
			}
			if a := w.server.Action(id); a.Status != hawkbittest.Finished {
				t.Errorf("%s: %+v", name, a)
			}
		})
	}
}

// TestReportCarriesThePause requires that whoever reports learns how long the
// server wants to be left alone, also from a report within that time.
func TestReportCarriesThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("2", image(100))
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Match: "feedback", Times: 1, Status: 429,
			Header: map[string][]string{"Retry-After": {"90"}}})
		for want := 90 * time.Second; want > 0; want -= 40 * time.Second {
			err := w.report(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
			if got := link.Pause(err); got != want {
				t.Errorf("pause of %v, want %v: %v", got, want, err)
			}
			time.Sleep(40 * time.Second)
		}
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
	})
}

// TestOutcomeOfAnEndedAction requires that an outcome nobody wants is given up.
func TestOutcomeOfAnEndedAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		w.server.ForceQuit(id)
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
		if w.mustResolve(); w.asked("POST ") != 1 {
			t.Errorf("%v", w.server.Requests())
		}
	})
}
