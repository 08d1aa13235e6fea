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

// Flush stores the rows that changed. On failure they stay on the list.
func (e *Engine) Flush() {
	rows := e.dirty.take()
	if len(rows) == 0 {
		return
	}
	var save []Record
	var drop []dfu.Device
	for _, row := range rows {
		rec, keep := row.flush()
		switch {
		case keep:
			save = append(save, rec)
			e.retainInFlight(rec)
		case e.row(rec.Device) == nil: // gone, and no new row of that name
			drop = append(drop, rec.Device)
		}
	}
	if err := e.store.SaveRows(save, drop); err != nil {
		e.stats.FlushFailures.Add(1)
		e.log.Error("device rows not stored; trying again", slog.Int("rows", len(rows)), slog.Any("error", err))
		for _, row := range rows {
			row.again()
		}
	}
}

// flush returns the row's durable form and whether it is still to be stored.
// Devices that nothing is desired for are not: their names cost nothing to invent.
func (r *Row) flush() (rec Record, keep bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = false
	return r.record(), !r.dropped && (r.release != nil || r.worthKeeping())
}

// again puts the row back on the list after a failed flush.
func (r *Row) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dirty {
		r.dirty = true
		r.engine.dirty.add(r)
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
