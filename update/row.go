package update

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/update/guard"
	"havn/update/release"
)

// Row is what the engine knows of one device. Fronts get it from Lookup and
// hand it back; it stays valid, if forgotten, even when it leaves the table.
type Row struct {
	device   dfu.Device
	engine   *Engine
	protocol atomic.Uint32 // of the last request: a number of Engine.protocols

	mu       sync.Mutex
	release  *release.Release // what is desired; nil = nothing
	desired  error            // why release is nil
	current  string           // the version it last said it runs
	inFlight *firmware.Target // the image it is writing; nil = none
	picked   *firmware.Target // what Image last took: the target may move before Served. nil: not by blocks
	lost     string           // the in-flight version that no source has
	offset   uint32           // next byte of inFlight, as the device last asked
	begun    milestone
	sent     Delivery
	reason   guard.Reason
	held     error // why the source does not let it swap; nil: it was not asked, or does
	seen     time.Time
	restored bool // as an earlier process stored it, and not heard since
	reported Reported
	owed     bool // the Reporter may have been told more than reported
	dirty    bool // waits for the next flush
	dropped  bool // no longer in the table: not to be stored again

	// Guarded by Engine.flushing: what is on disk, and whether the row is in
	// Engine.drifted.
	stored   uint64
	drifting bool
}

// target returns what the device should run, nil if nothing is known yet.
// The caller holds mu.
func (r *Row) target() *firmware.Target {
	if r.release == nil {
		return nil
	}
	return r.release.Target()
}

// touch notes a sign of life. The caller holds mu.
func (r *Row) touch(now time.Time) {
	r.seen = now
	r.mark()
}

// pending reports whether the directory is still asking. The caller holds mu.
func (r *Row) pending() bool { return errors.Is(r.desired, firmware.ErrPending) }

// mark puts the row on the list of the next flush. The caller holds mu.
func (r *Row) mark() {
	if !r.dirty && !r.dropped {
		r.dirty = true
		r.engine.dirty.add(r)
	}
}

// setCurrent notes the running version, as far as a version of an image can go.
// It allocates only when that changes.
func (r *Row) setCurrent(version []byte) {
	version = version[:min(len(version), firmware.MaxVersion)]
	if r.current != string(version) {
		r.current = string(version)
	}
}

// inSync notes that the device runs its target t.
func (r *Row) inSync(t *firmware.Target, version []byte) {
	r.setCurrent(version)
	r.inFlight, r.offset, r.reason, r.lost, r.held = nil, 0, guard.ReasonNone, "", nil
	r.sent.Booted = !r.sent.Digest.IsZero()
	if r.sent.Digest == t.Digest {
		r.sent.Order = t.Order // a newer order for what it runs is carried out
	}
}

// booted notes that the device runs version, which may be what it fetched.
func (r *Row) booted(version []byte) {
	if r.inFlight != nil && r.inFlight.Is(version) {
		r.inFlight, r.offset = nil, 0
	}
}

// milestone is where an update stood at some time: what came after it tells how
// long the rest will take, with all losses and pauses of the link.
type milestone struct {
	offset uint32
	at     time.Time
}

// eta returns how long the rest of the update takes at the pace so far, false
// where none can be told. The caller holds mu.
func (r *Row) eta(now time.Time) (time.Duration, bool) {
	if r.inFlight == nil || r.begun.at.IsZero() || r.offset <= r.begun.offset {
		return 0, false
	}
	perByte := now.Sub(r.begun.at).Seconds() / float64(r.offset-r.begun.offset)
	left := float64(r.inFlight.Transfer.Size - min(r.offset, r.inFlight.Transfer.Size))
	return time.Duration(left * perByte * float64(time.Second)), true
}

// progress notes that the device is at offset of t.
func (r *Row) progress(t *firmware.Target, offset uint32, now time.Time) {
	same := r.inFlight != nil && r.inFlight.Transfer.Digest == t.Transfer.Digest
	if !same || r.begun.at.IsZero() || offset < r.begun.offset {
		r.begun = milestone{offset, now}
	}
	r.inFlight, r.offset, r.reason, r.held = t, offset, guard.ReasonNone, nil
}

// delivered notes that the device has all of t and is to swap to it, or does so
// by itself.
func (r *Row) delivered(t *firmware.Target, now time.Time) {
	r.sent = Delivery{Digest: t.Digest, From: r.current, At: now.UnixNano(), Order: t.Order}
}

// record returns the row's durable form. The caller holds mu.
func (r *Row) record() Record {
	rec := Record{
		Device: r.device, Protocol: r.engine.protocols.name(r.protocol.Load()), Current: r.current, Offset: r.offset,
		Sent: r.sent, Reason: r.reason.String(), Seen: r.seen.UnixNano(), Reported: r.reported, Owed: r.owed,
	}
	if r.inFlight != nil {
		rec.InFlight = &r.inFlight.Metadata
	}
	return rec
}

// restore fills a new row from its durable form.
func (r *Row) restore(rec Record) {
	r.protocol.Store(r.engine.protocols.number(rec.Protocol))
	r.current, r.offset = rec.Current, rec.Offset
	r.sent, r.reason, r.seen = rec.Sent, guard.ReasonOf(rec.Reason), time.Unix(0, rec.Seen)
	r.reported, r.owed = rec.Reported, rec.Owed
	if rec.InFlight != nil {
		r.inFlight, r.restored = firmware.NewTarget(*rec.InFlight), true
	}
}

// worthKeeping reports whether losing the row would lose something: names are
// invented freely, so rows of devices that never updated go first.
func (r *Row) worthKeeping() bool {
	return r.inFlight != nil || !r.sent.Digest.IsZero()
}
