package row

import (
	"time"

	"havn/dfu"
	"havn/fault"
	"havn/status"
	"havn/update/guard"
	"havn/update/intern"
)

// Pace says when progress alone is worth a Change. Transitions always are.
type Pace struct {
	ProgressEvery int           `yaml:"progress_every"` // percent of the image
	MinInterval   time.Duration `yaml:"min_interval"`   // since the last Change of the device
}

// Validate returns what is wrong with p.
func (p Pace) Validate() (faults fault.List) {
	faults.Number("progress_every", p.ProgressEvery, 0, 100)
	if p.MinInterval < 0 {
		faults.Add("min_interval", "%s is negative", p.MinInterval)
	}
	return faults
}

// Reported is what the Reporter took last of a row. It is durable, so that
// after a crash the difference is derived again.
type Reported struct {
	State   status.State `cbor:"1,keyasint,omitempty"` // empty: nothing yet
	Current string       `cbor:"2,keyasint,omitempty"`
	Target  string       `cbor:"3,keyasint,omitempty"`
	Error   string       `cbor:"4,keyasint,omitempty"`
	Offset  uint32       `cbor:"5,keyasint,omitempty"`
	At      int64        `cbor:"6,keyasint,omitempty"` // Unix nanoseconds
	Order   string       `cbor:"7,keyasint,omitempty"` // of Target
}

// difference is how far a row is from what was reported of it.
type difference int

const (
	same difference = iota
	advanced
	changed
)

// ReportAll has every device reported again, whatever was reported before. A
// Reporter needs that if it lost what it took, or has somebody new to tell.
func (t *Table) ReportAll() {
	for row := range t.All() {
		row.owe()
	}
}

// ReportAgain is ReportAll for some devices.
func (t *Table) ReportAgain(devices []dfu.Device) {
	for _, dev := range devices {
		if row := t.Row(dev); row != nil {
			row.owe()
		}
	}
}

// owe has the row reported at the next flush.
func (r *Row) owe() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.changed = true, true
	r.mark()
}

// Notice marks a row that changed without its device being heard: its target
// moved, or an earlier process owes a report. The first sweep finds the latter.
func (r *Row) Notice() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table.reporter == nil {
		return
	}
	if v := r.render(); r.differs(&v) != same {
		r.mark()
	}
}

// change returns what is to be reported of the row now, nil if nothing is. The
// row owes it from then on: it is stored as owing before the Reporter hears of
// it, so that a crash in between costs a repetition and never a change. The
// caller holds mu.
func (r *Row) change(now time.Time) *status.Change {
	if r.table.reporter == nil {
		return nil
	}
	v := r.render()
	d := r.differs(&v)
	switch {
	case d == same || r.undecided(&v):
		return nil
	case d == advanced && r.unrested(now) > 0:
		r.schedule(r.table.from(now.Add(r.unrested(now)))) // whether the device is heard again or not
		return nil
	}
	if !r.explained(&v) {
		v.Error = "" // nobody is told when it is no longer so
	}
	r.owed, r.asked, r.changed = true, false, true
	return &status.Change{Status: v, Transition: d == changed, Time: now}
}

// differs compares v with what was reported. The caller holds mu.
func (r *Row) differs(v *status.Status) difference {
	was := r.told.record()
	passing := r.reason == guard.ReasonFetching && r.inFlight != nil
	switch {
	case r.owed || r.asked, v.Current != was.Current, v.Target != was.Target, v.Order != was.Order:
		return changed
	case v.State != was.State && !passing:
		return changed
	case v.State != was.State, v.Error != was.Error && r.explained(v), r.moved(v.Offset, v.Size):
		return advanced
	}
	return same
}

// explained reports whether the error in v says why the device is in its state. That
// of a device in sync is about something else, such as a registry that is away; that
// of an updating device explains if it says what holds it. The caller holds mu.
func (r *Row) explained(v *status.Status) bool {
	if v.State == status.Updating {
		return r.held != intern.Text{} || v.Error == ""
	}
	return v.State != status.InSync
}

// moved reports whether the offset is a step away from the one that was told.
func (r *Row) moved(offset, size uint32) bool {
	step := max(offset, r.told.offset) - min(offset, r.told.offset)
	return step > 0 && uint64(step)*100 >= uint64(size)*uint64(r.table.cfg.Pace.ProgressEvery)
}

// unrested returns how much longer mere progress is not reported, after the last
// report. A clock that was set back counts as long ago.
func (r *Row) unrested(now time.Time) time.Duration {
	since := now.Sub(time.Unix(0, r.told.at))
	if since < 0 {
		return 0
	}
	return max(r.table.cfg.Pace.MinInterval-since, 0)
}

// undecided reports whether v would look otherwise as soon as the lookup of
// what is desired ends: after a start, every device would seem to wait. The
// caller holds mu.
func (r *Row) undecided(v *status.Status) bool {
	if v.State != status.Waiting && v.State != status.Unknown {
		return false
	}
	rel := r.release
	return r.Pending() || (rel != nil && rel.Target() == nil && rel.Err() == nil)
}

// took notes that the Reporter took c. The row is stored once more, without
// the debt.
func (r *Row) took(c *status.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed, r.changed = false, true
	r.told = told{
		state: stateNumber(c.State), current: intern.Of(c.Current), target: intern.Of(c.Target), err: intern.Of(c.Error),
		offset: c.Offset, at: c.Time.UnixNano(), order: intern.Of(c.Order),
	}
	r.mark()
}
