package update

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"havn/gateway/dfu"
)

// flushInterval is how much of the rows' history a crash may lose. Devices
// report again, so what is lost is derived again.
const flushInterval = time.Second

// flushPause is the least time between two flushes: it bounds the fsyncs of a
// fleet that starts to update all at once.
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

func (e *Engine) flushLoop(ctx context.Context) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.flushes:
		}
		e.Flush()
		select {
		case <-ctx.Done():
			return
		case <-time.After(flushPause):
		}
	}
}

// flushSoon asks for a flush before the interval is over.
func (e *Engine) flushSoon() {
	select {
	case e.flushes <- struct{}{}:
	default: // asked already
	}
}

// batch is what one flush does.
type batch struct {
	rows    []*Row
	save    []Record
	drop    []dfu.Device
	owing   []*Row // whose changes those are
	changes []Change
}

// Flush stores the rows that changed, and then tells the Reporter what became
// of them. What fails stays on the list.
func (e *Engine) Flush() {
	b := batch{rows: e.dirty.take()}
	if len(b.rows) == 0 {
		return
	}
	now := e.clock()
	for _, row := range b.rows {
		e.collect(&b, row, now)
	}
	if err := e.store.SaveRows(b.save, b.drop); err != nil {
		e.stats.FlushFailures.Add(1)
		e.log.Error("device rows not stored; trying again",
			slog.Int("rows", len(b.rows)), slog.Any("error", err))
		again(b.rows)
		return
	}
	e.report(&b)
}

// collect adds what is to be done about a row.
func (e *Engine) collect(b *batch, row *Row, now time.Time) {
	rec, change, keep := row.flush(now)
	switch {
	case keep:
		b.save = append(b.save, rec)
		e.retainInFlight(rec)
	case e.row(rec.Device) == nil: // gone, and no new row of that name
		b.drop = append(b.drop, rec.Device)
	}
	if change != nil {
		b.owing, b.changes = append(b.owing, row), append(b.changes, *change)
	}
}

// report hands the changes of a stored batch on.
func (e *Engine) report(b *batch) {
	if len(b.changes) == 0 {
		return
	}
	if err := e.reporter.Report(b.changes); err != nil {
		e.stats.ReportFailures.Add(1)
		if !e.failing.Swap(true) {
			e.log.Error("what devices did is not taken for the upstream; trying again until it is",
				slog.Int("devices", len(b.changes)), slog.Any("error", err))
		}
		again(b.owing)
		return
	}
	e.failing.Store(false)
	for i, row := range b.owing {
		row.took(&b.changes[i])
	}
}

// flush returns the row's durable form, what is to be reported of it, and
// whether it is still to be stored. Devices that nothing is desired for are
// not, unless somebody was told of them: their names cost nothing to invent.
func (r *Row) flush(now time.Time) (rec Record, c *Change, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = false
	keep = !r.dropped && (r.release != nil || r.worthKeeping() || r.reported.State != "")
	if keep && r.engine.reporter != nil {
		c = r.change(now)
	}
	return r.record(), c, keep
}

// again puts rows back on the list after a failed flush, also those that are no
// longer in the table.
func again(rows []*Row) {
	for _, r := range rows {
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
