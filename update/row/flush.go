package row

import (
	"context"
	"log/slog"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

// The pace of the flusher. What a crash loses is derived again from the next
// report of the device.
const (
	// flushInterval is how long the flusher waits before it stores changes.
	flushInterval = time.Second
	// flushPause is the least time between two flushes: it bounds the fsyncs of a
	// fleet that starts to update all at once.
	flushPause = 50 * time.Millisecond
	// urgentPause is the least time between two steps for rows that are urgent:
	// those that become so meanwhile share the next transaction.
	urgentPause = 2 * time.Millisecond
	// stepRows is the most rows of one transaction: answers may wait for it.
	stepRows = 128
	// driftInterval is how old the time of contact on disk may be, in seconds, and
	// the offset of devices that say themselves what they write. To store those
	// each second would wear out the flash of a small box for what the next report
	// tells again.
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
			t.step(urgently, false)
			time.Sleep(urgentPause)
		}
	}
}

// flushDue looks at the rows that are due, in steps. After each it rests as long
// as that took: answers have at least half of a core and of a disk.
func (t *Table) flushDue(ctx context.Context) {
	until := t.until(t.clock())
	for ctx.Err() == nil {
		began := time.Now()
		if t.step(until, false) < stepRows {
			break
		}
		t.rest(ctx, time.Since(began))
	}
	t.rest(ctx, flushPause)
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
			t.step(urgently, false)
			time.Sleep(urgentPause)
		}
	}
}

// signal asks the reader of a channel of capacity 1 to act.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // asked already
	}
}

// schedule has the flusher look at the row at a time of the agenda, if it does
// not do so before. The caller holds mu.
func (r *Row) schedule(at uint32) {
	if at < r.due && !r.dropped {
		r.due = at
		r.table.agenda.put(r, at)
	}
}

// mark has the flusher look at the row soon. The caller holds mu.
func (r *Row) mark() { r.schedule(soon) }

// hasten has the row stored before the next tick. The caller holds mu.
func (r *Row) hasten() {
	r.changed = true
	r.mark()
	signal(r.table.flushes)
}

// Rush has the row stored at once. The caller holds mu.
func (r *Row) Rush() {
	r.changed = true
	r.schedule(urgently)
	signal(r.table.urgent)
}

// later returns when the flusher has to look at a row that was heard and did not
// change: when the drift is stored, or the Reporter told. The caller holds mu.
func (r *Row) later(now time.Time) uint32 {
	at := r.table.drift(now)
	if r.table.reporter == nil || !r.kept() {
		return at
	}
	state := r.state()
	switch {
	case stateNumber(state) != r.told.state:
		return soon
	case state == status.Updating && r.moved(r.offset, r.inFlight.Transfer.Size):
		return min(at, r.table.from(now.Add(r.unrested(now))))
	}
	return at
}

// drift returns when the drift of rows is stored next. It is the same time for
// all: a small fleet costs one write then.
func (t *Table) drift(now time.Time) uint32 {
	return (t.until(now)/driftInterval + 1) * driftInterval
}

// kept reports whether the row is stored. Rows of devices that nothing is desired
// for are not, unless somebody was told of them: their names cost nothing to
// invent. The caller holds mu.
func (r *Row) kept() bool {
	return !r.dropped && (r.release != nil || r.worthKeeping() || r.told.state > 0)
}

// batch is what one step of the flusher does.
type batch struct {
	all     bool // store also what has only drifted
	now     time.Time
	rows    []*Row
	save    []Record
	drop    []dfu.Device
	owing   []*Row // whose changes those are
	changes []status.Change
	writing map[firmware.Digest]int64 // images that rows are in the middle of, and when one was seen
}

// Flush stores the rows that changed or drifted, and then tells the Reporter what
// became of them. What fails stays on the agenda.
func (t *Table) Flush() {
	t.agenda.hasten()
	t.Store(true)
}

// Store stores the rows that have changed, and where all is set those that have
// drifted too. It returns when all are stored that were to be when it was called.
func (t *Table) Store(all bool) {
	for left := t.agenda.length(); left > 0; left -= stepRows {
		if t.step(soon, all) < stepRows {
			return
		}
	}
}

// step looks at some rows that are due until then, and returns how many. It
// returns 0 as well where they could not be stored.
func (t *Table) step(until uint32, all bool) int {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	b := batch{all: all, now: t.clock(), rows: t.agenda.take(until), writing: map[firmware.Digest]int64{}}
	for _, row := range b.rows {
		t.collect(&b, row)
	}
	for digest, seen := range b.writing {
		t.images.Retain(digest, t.abandoned(seen))
	}
	if !t.save(&b) {
		return 0
	}
	t.report(&b)
	return len(b.rows)
}

// save stores a batch, and reports whether it is on disk. Most have nothing to
// store, and cost no write.
func (t *Table) save(b *batch) bool {
	if len(b.save)+len(b.drop) == 0 {
		return true
	}
	if err := t.store.SaveRows(b.save, b.drop); err != nil {
		t.stats.FlushFailures.Add(1)
		if !t.unstored {
			t.log.Error("device rows not stored; trying again until they are: check space and rights",
				slog.Int("rows", len(b.rows)), slog.Any("error", err))
		}
		t.unstored = true
		again(b.rows, soon)
		return false
	}
	if t.unstored {
		t.log.Info("device rows are stored again")
	}
	t.unstored = false
	return true
}

// collect adds what is to be done about a row.
func (t *Table) collect(b *batch, row *Row) {
	row.mu.Lock()
	defer row.mu.Unlock()
	due := row.due
	row.due = never
	switch {
	case row.kept():
		if c := row.change(b.now); c != nil {
			b.owing, b.changes = append(b.owing, row), append(b.changes, *c)
		}
		t.collectRecord(b, row, due)
	case t.index.row(row.Device()) == nil: // gone, and no new row of that name
		b.drop = append(b.drop, row.Device())
	}
}

// collectRecord adds a row that was due then to what is to be stored: now, or
// when the drift is. The caller holds the row.
func (t *Table) collectRecord(b *batch, row *Row, due uint32) {
	drifted := row.seen != row.stored.seen
	now := due > soon && due%driftInterval == 0 && due <= t.until(b.now)
	switch {
	case row.changed, drifted && (b.all || now):
		b.save = append(b.save, row.record())
		row.stored.seen, row.stored.offset, row.changed = row.seen, row.offset, false
		if of := row.inFlight; of != nil {
			b.writing[of.Transfer.Digest] = max(b.writing[of.Transfer.Digest], row.seen)
		}
	case drifted:
		row.schedule(t.drift(b.now))
	}
}

// report hands the changes of a stored batch on.
func (t *Table) report(b *batch) {
	if len(b.changes) == 0 {
		return
	}
	if err := t.reporter.Report(b.changes); err != nil {
		t.stats.ReportFailures.Add(1)
		if !t.failing {
			t.log.Error("what devices did is not taken for the upstream; trying again until it is",
				slog.Int("devices", len(b.changes)), slog.Any("error", err))
		}
		t.failing = true
		again(b.owing, t.until(b.now)+1)
		return
	}
	t.failing = false
	for i, row := range b.owing {
		row.took(&b.changes[i])
	}
}

// again has the flusher look at rows again that it could not deal with, also
// those that are no longer in the table.
func again(rows []*Row, at uint32) {
	for _, r := range rows {
		r.mu.Lock()
		r.changed, r.due = true, at
		r.table.agenda.put(r, at)
		r.mu.Unlock()
	}
}
