package update

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"havn/dfu"
	"havn/firmware"
	"havn/update/guard"
	"havn/update/release"
)

// Row is what the engine knows of one device. Fronts get it from Lookup and
// hand it back; it stays valid, if forgotten, even when it leaves the table.
//
// There may be a hundred thousand rows: texts that rows share are interned, and
// times are Unix nanoseconds, whose differences may be wrong where the clock was
// set.
type Row struct {
	engine      *Engine
	application text
	name        string
	twin        *Row          // another row of the same hash; guarded by the table
	protocol    atomic.Uint32 // of the last request: a number of Engine.protocols

	mu sync.Mutex
	essence
	release *release.Release // what is desired; nil = nothing
	picked  *firmware.Target // what Image last took: the target may move before Served. nil: not by blocks
	offset  uint32           // next byte of inFlight, as the device last asked
	due     uint32           // when the flusher looks at the row: a time of the agenda
	begun   milestone
	seen    int64
	stored  struct { // what is on disk of that which only drifts
		seen   int64
		offset uint32
	}
	owed     bool // the Reporter may have been told more than told
	restored bool // as an earlier process stored it, and not heard since
	changed  bool // what is on disk is not what a crash must not lose
	dropped  bool // no longer in the table: not to be stored again
	told     told
	desired  error // why release is nil

	// Guarded by the agenda: where the row is on it.
	list       uint8 // counted from 1; 0: none
	prev, next *Row
}

// compare orders rows as the store does.
func (r *Row) compare(other *Row) int {
	if r.application == other.application {
		return strings.Compare(r.name, other.name)
	}
	return strings.Compare(r.application.String(), other.application.String())
}

func (r *Row) device() dfu.Device {
	return dfu.Device{Application: r.application.String(), Name: r.name}
}

// essence is what a crash must not lose, but for the offset of block-wise
// transfers, and what rows explain.
type essence struct {
	current  text             // the version it last said it runs
	inFlight *firmware.Target // the image it is writing; nil = none
	lost     text             // the in-flight version that no source has
	held     text             // why the source does not let it swap; empty: it was not asked, or does
	sent     delivery
	reason   guard.Reason
}

// text is a string that all rows share which have it.
type text struct{ handle unique.Handle[string] }

// intern returns s as a text.
func intern(s string) text {
	if s == "" {
		return text{}
	}
	return text{unique.Make(s)}
}

func (t text) String() string {
	if t == (text{}) {
		return ""
	}
	return t.handle.Value()
}

// lock returns what unlock compares with.
func (r *Row) lock() essence {
	r.mu.Lock()
	return r.essence
}

// unlock has the flusher look at the row in time, according to what has become of
// it since lock.
func (r *Row) unlock(was essence, now time.Time) {
	if r.essence != was || r.strayed() {
		r.changed = true
		r.mark()
	} else if r.due == never || r.engine.reporter != nil {
		r.schedule(r.later(now))
	}
	r.mu.Unlock()
}

// offsetSteps is how often the offset of a block-wise transfer is stored on its
// way through an image.
const offsetSteps = 16

// strayed reports whether the offset of a block-wise transfer is too far from the
// stored one. Other devices say themselves where they are. The caller holds mu.
func (r *Row) strayed() bool {
	if r.picked == nil || r.inFlight == nil {
		return false
	}
	step := max(r.offset, r.stored.offset) - min(r.offset, r.stored.offset)
	return uint64(step)*offsetSteps >= uint64(r.inFlight.Transfer.Size)
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
func (r *Row) touch(now time.Time) { r.seen = now.UnixNano() }

// pending reports whether the directory is still asking. The caller holds mu.
func (r *Row) pending() bool { return errors.Is(r.desired, firmware.ErrPending) }

// keep returns what is kept of a version that a device reports, as far as a
// version of an image can go: was where that is the same. It allocates only when
// it is another one.
func keep(was text, reported []byte) text {
	reported = reported[:min(len(reported), firmware.MaxVersion)]
	if was.String() == string(reported) {
		return was
	}
	return intern(string(reported))
}

// setCurrent notes the running version.
func (r *Row) setCurrent(version []byte) { r.current = keep(r.current, version) }

// hold notes why the source does not let the device swap, nil if it does.
func (r *Row) hold(why error) {
	if r.held = (text{}); why != nil {
		r.held = intern(why.Error())
	}
}

// inSync notes that the device runs its target t.
func (r *Row) inSync(t *firmware.Target, version []byte) {
	r.setCurrent(version)
	r.inFlight, r.offset, r.reason, r.lost, r.held = nil, 0, guard.ReasonNone, text{}, text{}
	r.sent.booted = !r.sent.none()
	if r.sent.is(t) {
		r.sent.image = imageOf(t) // a newer order for what it runs is carried out
	}
}

// booted notes that the device runs version, which may be what it fetched.
func (r *Row) booted(version []byte) {
	if r.inFlight != nil && r.inFlight.Is(version) {
		r.inFlight, r.offset = nil, 0
	}
}

// milestone is where an update stood at some time, and how long ago the device
// was last heard after that: it tells how long the rest will take, with all
// losses and pauses of the link.
type milestone struct {
	at     time.Duration // since the engine started, by the monotonic clock; 0: no milestone
	offset uint32
	passed uint32 // milliseconds
}

// eta returns how long the rest of the update takes at the pace so far, false
// where none can be told. The caller holds mu.
func (r *Row) eta() (time.Duration, bool) {
	if r.inFlight == nil || r.begun.at == 0 || r.offset <= r.begun.offset {
		return 0, false
	}
	passed := time.Duration(r.begun.passed) * time.Millisecond
	left := r.inFlight.Transfer.Size - min(r.offset, r.inFlight.Transfer.Size)
	return time.Duration(float64(passed) * float64(left) / float64(r.offset-r.begun.offset)), true
}

// progress notes that the device is at offset of t.
func (r *Row) progress(t *firmware.Target, offset uint32, now time.Time) {
	same := r.inFlight != nil && r.inFlight.Transfer.Digest == t.Transfer.Digest
	at := max(now.Sub(r.engine.started), 1)
	if !same || r.begun.at == 0 || offset < r.begun.offset {
		r.begun = milestone{at: at, offset: offset}
	}
	r.begun.passed = uint32(max(at-r.begun.at, 0) / time.Millisecond)
	r.inFlight, r.offset, r.reason, r.held = t, offset, guard.ReasonNone, text{}
}

// delivered notes that the device has all of t and is to swap to it, or does so
// by itself.
func (r *Row) delivered(t *firmware.Target, now time.Time) {
	r.sent = delivery{image: imageOf(t), from: r.current, at: now.UnixNano()}
}

// settling reports whether the result of t was delivered so recently that reports
// of an older version may have been on their way before it.
func (r *Row) settling(t *firmware.Target, now time.Time) bool {
	return now.Sub(time.Unix(0, r.sent.at)).Abs() < settle && r.sent.is(t)
}

// worthKeeping reports whether losing the row would lose something: names are
// invented freely, so rows of devices that never updated go first.
func (r *Row) worthKeeping() bool { return r.inFlight != nil || !r.sent.none() }
