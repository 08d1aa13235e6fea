package update

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

// flushInterval is how much of the rows' history a crash may lose, but for drift.
// Devices report again, so what is lost is derived again.
const flushInterval = time.Second

// flushPause is the least time between two flushes, unless one is urgent: it
// bounds the fsyncs of a fleet that starts to update all at once.
const flushPause = 50 * time.Millisecond

// dirtyRows lists the rows that changed since the last flush, each once.
type dirtyRows struct {
	mu   sync.Mutex
	rows []*Row
}

func (d *dirtyRows) add(r *Row) {
	d.mu.Lock()
	d.rows = append(d.rows, r)
	d.mu.Unlock()
}

func (d *dirtyRows) take() []*Row {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := d.rows
	d.rows = make([]*Row, 0, len(rows))
	return rows
}

// drift is how old the time of contact on disk may be, and the offset of devices
// that say themselves what they write. To store those each second would wear out
// the flash of a small box for what the next report tells again.
const drift = time.Minute

func (e *Engine) flushLoop(ctx context.Context) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	settled := e.clock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.flushes:
		case <-e.urgent:
		}
		due := e.clock().Sub(settled).Abs() >= drift
		if e.flush(due); due {
			settled = e.clock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(flushPause):
		case <-e.urgent:
			signal(e.flushes)
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

// batch is what one flush does.
type batch struct {
	all     bool // store also what has only drifted
	rows    []*Row
	save    []Record
	drop    []dfu.Device
	owing   []*Row // whose changes those are
	changes []status.Change
}

// Flush stores the rows that changed, and then tells the Reporter what became
// of them. What fails stays on the list.
func (e *Engine) Flush() { e.flush(true) }

// flush is Flush for what has changed, or for all that has drifted too.
func (e *Engine) flush(all bool) {
	e.flushing.Lock()
	defer e.flushing.Unlock()
	b := e.changed(all)
	if err := e.save(&b); err != nil {
		e.stats.FlushFailures.Add(1)
		if !e.unstored {
			e.log.Error("device rows not stored; trying again until they are: check space and rights",
				slog.Int("rows", len(b.rows)), slog.Any("error", err))
		}
		e.unstored = true
		again(b.rows)
		return
	}
	if e.unstored {
		e.log.Info("device rows are stored again")
	}
	e.unstored = false
	e.report(&b)
}

// changed returns what is to be done about the rows that changed, or drifted.
func (e *Engine) changed(all bool) batch {
	b := batch{all: all}
	now := e.clock()
	for _, row := range e.dirty.take() {
		e.collect(&b, row, now)
	}
	if !all {
		return b
	}
	for _, row := range e.drifted {
		if row.drifting {
			e.collect(&b, row, now)
		}
	}
	e.drifted = nil
	return b
}

// save stores a batch. Most have nothing to store, and cost no write.
func (e *Engine) save(b *batch) error {
	if len(b.save)+len(b.drop) == 0 {
		return nil
	}
	return e.store.SaveRows(b.save, b.drop)
}

// collect adds what is to be done about a row.
func (e *Engine) collect(b *batch, row *Row, now time.Time) {
	f := row.flush(now)
	b.rows = append(b.rows, row)
	switch {
	case f.keep:
		e.collectRecord(b, row, &f)
		e.retainInFlight(f.Record)
	case e.row(f.Device) == nil: // gone, and no new row of that name
		b.drop = append(b.drop, f.Device)
		row.drifting = false
	}
	if f.change != nil {
		b.owing, b.changes = append(b.owing, row), append(b.changes, *f.change)
	}
}

// collectRecord adds a row to what is to be stored: now, or when it has drifted
// for long.
func (e *Engine) collectRecord(b *batch, row *Row, f *finding) {
	switch {
	case b.all || f.essence != row.stored:
		b.save = append(b.save, f.Record)
		row.stored, row.drifting = f.essence, false
	case !row.drifting:
		row.drifting = true
		e.drifted = append(e.drifted, row)
	}
}

// report hands the changes of a stored batch on.
func (e *Engine) report(b *batch) {
	if len(b.changes) == 0 {
		return
	}
	if err := e.reporter.Report(b.changes); err != nil {
		e.stats.ReportFailures.Add(1)
		if !e.failing {
			e.log.Error("what devices did is not taken for the upstream; trying again until it is",
				slog.Int("devices", len(b.changes)), slog.Any("error", err))
		}
		e.failing = true
		again(b.owing)
		return
	}
	e.failing = false
	for i, row := range b.owing {
		row.took(&b.changes[i])
	}
}

// finding is what a flush finds of a row.
type finding struct {
	Record
	essence uint64         // of the Record
	change  *status.Change // to be reported; nil: nothing
	keep    bool           // the row is still to be stored
}

// flush returns what is to be done about the row. Devices that nothing is
// desired for are not stored, unless somebody was told of them: their names cost
// nothing to invent.
func (r *Row) flush(now time.Time) (f finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = false
	f.keep = !r.dropped && (r.release != nil || r.worthKeeping() || r.reported.State != "")
	if f.keep && r.engine.reporter != nil {
		f.change = r.change(now)
	}
	f.Record = r.record()
	f.essence = r.essence(f.Record)
	return f
}

var essenceSeed = maphash.MakeSeed()

// essence tells records of the row apart in what a crash must not lose. The
// offset is part of it where the device does not say itself what it writes. The
// caller holds mu.
func (r *Row) essence(rec Record) uint64 {
	rec.Seen = 0
	if r.picked == nil {
		rec.Offset = 0
	}
	var inFlight firmware.Digest
	if rec.InFlight != nil {
		inFlight = rec.InFlight.Digest
	}
	rec.InFlight = nil // another target may be at the same address
	return maphash.Comparable(essenceSeed, struct {
		Record
		firmware.Digest
	}{rec, inFlight})
}

// again puts rows back on the list after a failed flush, also those that are no
// longer in the table.
func again(rows []*Row) {
	for _, r := range rows {
		r.stored = 0
		r.mu.Lock()
		if !r.dirty {
			r.dirty = true
			r.engine.dirty.add(r)
		}
		r.mu.Unlock()
	}
}

func (e *Engine) retainInFlight(rec Record) {
	if rec.InFlight != nil {
		e.images.Retain(rec.InFlight.Digest, time.Unix(0, rec.Seen).Add(e.cfg.Abandon))
	}
}

func (e *Engine) row(dev dfu.Device) *Row {
	e.rows.RLock()
	defer e.rows.RUnlock()
	return e.rows.m[dev]
}
