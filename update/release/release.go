package release

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"havn/firmware"
)

// Release is what one spec resolves to in one application. All rows that
// desire it share it, so that a tag that moves moves them all at once. It has no
// lock: readers on the device path load atomics.
type Release struct {
	catalog *Catalog
	app     string
	spec    firmware.Spec

	target atomic.Pointer[firmware.Target] // what to offer; nil until resolved once
	// first is what an earlier process, or this one, resolved the spec to
	// before the release was made; nil if it never was. Immutable.
	first *firmware.Target
	err   atomic.Pointer[error] // why the newest resolution is not the target
	// vacant says that there is no target since the source has nothing for its
	// devices, as it said when it was last heard.
	vacant atomic.Bool
	// moving says that another image is about to be the target.
	moving atomic.Bool
	// checked is when the last resolution ended, well or not; next is when a
	// device may cause another while there is no target. Unix nanoseconds.
	checked, next atomic.Int64
	failures      atomic.Int32    // in a row
	loaded        firmware.Digest // of the Transfer that was brought into memory; owned by the release's job
}

// Spec returns what was asked for.
func (r *Release) Spec() firmware.Spec { return r.spec }

// Target returns what is offered, nil if nothing is.
func (r *Release) Target() *firmware.Target { return r.target.Load() }

// First returns what the spec resolved to before this process looked, nil if it
// never was resolved. Transfers that an earlier process began may be of it.
func (r *Release) First() *firmware.Target { return r.first }

// Vacant reports whether the source said that its devices should run nothing.
func (r *Release) Vacant() bool { return r.vacant.Load() }

// Moving reports whether another image is about to be the target: no transfer
// that does not say what it is of may begin before that.
func (r *Release) Moving() bool { return r.moving.Load() }

// Err returns why the newest resolution is not the target, nil if it is or the
// first one has not ended.
func (r *Release) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Explain returns why the newest resolution is not the target, for people;
// empty if it is.
func (r *Release) Explain() string {
	if err := r.Err(); err != nil {
		return err.Error()
	}
	if r.Target() == nil {
		return r.spec.Key() + " is being looked up"
	}
	return ""
}

// Stale reports whether no update may start before the spec is resolved again.
// Twice the retry leaves a device the time to come back for the answer.
func (r *Release) Stale(now time.Time) bool {
	return r.spec.Always() && now.Sub(time.Unix(0, r.checked.Load())) > 2*r.catalog.cfg.Retry
}

// Refresh has a job resolve the spec.
func (r *Release) Refresh() { r.catalog.jobs.add("release "+r.app+" "+r.spec.Key(), r.resolve) }

// Ask is Refresh on behalf of a device that has no target. Failures are not repeated
// at once: see Config.Retry.
func (r *Release) Ask(now time.Time) {
	if now.UnixNano() >= r.next.Load() {
		r.Refresh()
	}
}

// offerKnown offers what the spec resolved to before, by this process or an
// earlier one, if it may be offered: then a first contact is answered at once,
// and a box without a network serves what it has.
func (r *Release) offerKnown() {
	m, ok := r.catalog.ledger.resolution(r.spec.Key())
	if !ok {
		return
	}
	if entry, ok := r.catalog.ledger.find(r.app, []byte(m.Version)); ok && entry.Digest == m.Digest {
		entry.Order = m.Order
		r.publish(entry)
		r.first = r.Target()
	}
}

// publish offers m, the ledger's entry, to all rows of the release. A name of m
// that is learned at the same time is offered with it.
func (r *Release) publish(m firmware.Metadata) {
	ledger := r.catalog.ledger
	for m.Names = ledger.names(r.app, m); !r.offers(m); m.Names = ledger.names(r.app, m) {
		r.target.Store(firmware.NewTarget(m))
		r.catalog.log.Info("firmware offered", slog.String("app", r.app), slog.String("image", r.spec.Key()),
			slog.String("version", firmware.Printable(m.Version)), slog.String("digest", m.Digest.String()),
			slog.Any("size", m.Size))
	}
}

// offers reports whether m is the target already. Names are only ever added.
func (r *Release) offers(m firmware.Metadata) bool {
	t := r.Target()
	return t != nil && t.Digest == m.Digest && t.Version == m.Version && t.Order == m.Order &&
		len(t.Names) == len(m.Names)
}

// amend replaces the target by what change makes of it. Where the target moves
// meanwhile, change is asked again; nil leaves the target as it is.
func (r *Release) amend(change func(*firmware.Target) *firmware.Target) {
	for {
		old := r.Target()
		next := change(old)
		if next == nil || r.target.CompareAndSwap(old, next) {
			return
		}
	}
}

// Learn has a job enter version in the ledger as another name of t: a device that
// swapped to t came back with it.
func (r *Release) Learn(device string, t *firmware.Target, version string) {
	c := r.catalog
	c.jobs.add("learn "+r.app+"/"+device+" "+version, func(context.Context) {
		m := t.Metadata
		m.Names = append(m.Names[:len(m.Names):len(m.Names)], version)
		m, err := c.ledger.record(r.app, m)
		if err != nil {
			c.log.Error("name of a firmware not stored; trying again when the device reports it: check space and rights",
				slog.String("app", r.app), slog.String("device", device), slog.Any("error", err))
			return
		}
		c.stats.LearnedNames.Add(1)
		c.log.Warn("the firmware calls itself by another version than it is published under; taking both for the same",
			slog.String("app", r.app), slog.String("device", device),
			slog.String("published", firmware.Printable(t.Version)), slog.String("reported", firmware.Printable(version)))
		r.amend(func(t *firmware.Target) *firmware.Target { return named(t, m) })
	})
}

// named returns t under the names of m, nil where t is not of the image of m.
func named(t *firmware.Target, m firmware.Metadata) *firmware.Target {
	if t == nil || t.Digest != m.Digest {
		return nil
	}
	m.Order = t.Order
	return firmware.NewTarget(m)
}
