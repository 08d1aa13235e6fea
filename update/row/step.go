package row

import (
	"log/slog"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update/agenda"
)

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

// step looks at some rows that are due until then, and returns how many. It
// returns 0 as well where they could not be stored.
func (t *Table) step(until uint32, all bool) int {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	b := batch{
		all: all, now: t.clock(), rows: t.agenda.Take(agenda.Urgently, until, room(all)),
		writing: map[firmware.Digest]int64{}, save: t.records[:0],
	}
	defer func() { clear(b.save); t.records = b.save }()
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
		again(b.rows, agenda.Soon)
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
	row.due = agenda.Never
	switch {
	case row.kept():
		if c := row.change(b.now); c != nil {
			b.owing, b.changes = append(b.owing, row), append(b.changes, *c)
		}
		t.collectRecord(b, row, due)
	case row.stored.seen != 0 && t.index.row(row.Device()) == nil: // gone, and no new row of that name
		b.drop = append(b.drop, row.Device())
	}
}

// collectRecord adds a row that was due then to what is to be stored: now, or
// when the drift is. The caller holds the row.
func (t *Table) collectRecord(b *batch, row *Row, due uint32) {
	drifted := row.seen != row.stored.seen
	now := due > agenda.Soon && due%driftInterval == 0 && due <= t.until(b.now)
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
		r.table.agenda.Put(r, at)
		r.mu.Unlock()
	}
}
