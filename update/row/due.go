package row

import (
	"time"

	"havn/status"
	"havn/update/agenda"
)

// schedule has the flusher look at the row at a time of the agenda, if it does
// not do so before. The caller holds mu.
func (r *Row) schedule(at uint32) {
	if at < r.due && !r.dropped {
		r.due = at
		r.table.agenda.Put(r, at)
	}
}

// mark has the flusher look at the row soon. The caller holds mu.
func (r *Row) mark() { r.schedule(agenda.Soon) }

// hasten has the row stored before the next tick. The caller holds mu.
func (r *Row) hasten() {
	r.changed = true
	r.mark()
	signal(r.table.flushes)
}

// Rush has the row stored at once. The caller holds mu.
func (r *Row) Rush() {
	r.changed = true
	r.schedule(agenda.Urgently)
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
		return agenda.Soon
	case state == status.Updating && r.moved(r.offset, r.inFlight.Transfer.Size):
		return min(at, r.table.from(now.Add(r.unrested(now))))
	}
	return at
}

// from returns the first time of the agenda that is not before at.
func (t *Table) from(at time.Time) uint32 { return agenda.From(at.Sub(t.started)) }

// until returns the last time of the agenda that is not after at.
func (t *Table) until(at time.Time) uint32 { return agenda.Until(at.Sub(t.started)) }

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
