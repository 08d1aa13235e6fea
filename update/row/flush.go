package row

import (
	"context"
	"runtime"
	"slices"
	"time"

	"havn/update/agenda"
)

// The pace of the flusher. What a crash loses is derived again from the next
// report of the device.
const (
	// flushInterval is how long the flusher waits before it stores changes.
	flushInterval = time.Second
	// flushPause is the least time between two flushes: it bounds the fsyncs of a
	// fleet that starts to update all at once.
	flushPause = 50 * time.Millisecond
	// stepRows is the most rows of one transaction: answers may wait for it.
	stepRows = 64
	// lastRows is the same at the end, when nobody waits: a hundred thousand rows
	// are stored with a dozen fsyncs.
	lastRows = 8192
	// driftInterval is how old the time of contact on disk may be, in seconds. The
	// same holds for the offset of devices whose reports say what they write. The
	// next report tells both again: to store them each second would only wear out
	// the flash of a small box.
	driftInterval = 60
)

func (t *Table) flushLoop(ctx context.Context) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			t.flushDue(ctx)
		case <-t.flushes:
			t.flushDue(ctx)
		case <-t.urgent:
			t.storeUrgent()
		}
	}
}

// flushDue looks at the rows that are due, in steps. After each it rests as long
// as that took: answers have at least half of a core and of a disk.
func (t *Table) flushDue(ctx context.Context) {
	t.gather()
	for ctx.Err() == nil {
		began := time.Now()
		if t.step(agenda.Soon, false) < stepRows {
			break
		}
		t.rest(ctx, time.Since(began))
	}
	t.rest(ctx, flushPause)
}

// sortYield is after how many comparisons others may run.
const sortYield = 1 << 14

// gather makes the rows whose time has come due soon, in the order of the store:
// those of one step share its pages then, and each page is written once.
func (t *Table) gather() {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	until := t.until(t.clock())
	var rows []*Row
	for {
		more := t.agenda.Take(agenda.Soon, until, stepRows)
		if len(more) == 0 {
			break
		}
		rows = append(rows, more...)
	}
	n := 0
	slices.SortFunc(rows, func(a, b *Row) int {
		if n++; n%sortYield == 0 {
			runtime.Gosched()
		}
		return a.compare(b)
	})
	for _, row := range rows {
		t.agenda.PutBack(row)
	}
}

// rest lets time pass. Rows that become urgent meanwhile are stored.
func (t *Table) rest(ctx context.Context, d time.Duration) {
	for end := time.After(d); ; {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-t.urgent:
			t.storeUrgent()
		}
	}
}

// storeUrgent stores the rows that are urgent, at once: until they are on disk, a
// crash may forget which image a device is in the middle of.
func (t *Table) storeUrgent() { t.step(agenda.Urgently, false) }

// signal asks the reader of a channel of capacity 1 to act.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // asked already
	}
}

// room is the most rows of a step.
func room(all bool) int {
	if all {
		return lastRows
	}
	return stepRows
}

// Flush stores the rows that changed or drifted, and then tells the Reporter what
// became of them. What fails stays on the agenda.
func (t *Table) Flush() {
	t.agenda.Hasten()
	t.Store(true)
}

// Store stores the rows that have changed. With all, it also stores the rows that
// have only drifted. It returns when the rows that waited at its call are stored:
// those that the flusher has taken are, once a step here has begun.
func (t *Table) Store(all bool) {
	t.gather()
	for left := t.agenda.Len(); ; left -= room(all) {
		if t.step(agenda.Soon, all) < room(all) || left <= room(all) {
			return
		}
	}
}
