package update_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/status"
	"havn/update"
	"havn/update/row"
)

// upstream is a Reporter that writes down what it takes. It may be told to
// fail, before or after it has taken something.
type upstream struct {
	mu          sync.Mutex
	taken       []string
	before, err error
}

// fail makes Report fail, before or after it takes something.
func (u *upstream) fail(before, after error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.before, u.err = before, after
}

// take returns what was reported since the last call.
func (u *upstream) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.taken
	u.taken = nil
	return taken
}

func (u *upstream) Report(changes []status.Change) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.before != nil {
		return u.before
	}
	for i := range changes {
		c := &changes[i]
		text := fmt.Sprintf("%s %s %s>%s %d", c.Name, c.State, c.Current, c.Target, c.Offset)
		if !c.Transition {
			text += " (progress)"
		}
		u.taken = append(u.taken, text)
	}
	return u.err
}

// inReportedWorld is inWorld with somebody who wants to know.
func inReportedWorld(t *testing.T, f func(t *testing.T, w *world, u *upstream)) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		w := newWorld(t, func(c *update.Config) {
			c.Pace = row.Pace{ProgressEvery: 10, MinInterval: 10 * time.Second}
		})
		w.stop()
		w.reporter = u
		w.start()
		defer func() { w.stop() }()
		w.publish("fw", "v2", 2000)
		w.refresh()
		f(t, w, u)
	})
}

// expectTaken compares what was reported since the last call.
func (w *world) expectTaken(u *upstream, want ...string) {
	w.t.Helper()
	w.tick(3 * time.Second) // any flush that is due
	if diff := cmp.Diff(want, u.take()); diff != "" {
		w.t.Error(diff)
	}
}
