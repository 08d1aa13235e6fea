package row

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/update/agenda"
	"havn/update/guard"
	"havn/update/intern"
	"havn/update/release"
)

// settle is how long after a delivery an old version is taken for a datagram
// that was on its way, not for a device that rolled back. A device needs longer
// to swap and boot twice; networks deliver sooner (RFC 7252 section 4.8.2
// allows 100 s, local links need none of it).
const settle = 30 * time.Second

// Row is what the engine knows of one device. Fronts get it from Lookup and hand it
// back. It stays valid after it has left the table, but is stored no more.
//
// Between Lock and Unlock, one caller at a time reads the row and notes what the
// device did. All exported methods but Device, Status, State and Notice are for that
// caller.
//
// Rows are many, so texts are interned, and times are Unix nanoseconds. The
// difference of two times is wrong if the clock was set in between.
type Row struct {
	table       *Table
	application intern.Text
	name        string
	protocol    atomic.Uint32 // of the last request: a number of Table.protocols

	mu sync.Mutex
	essence
	release *release.Release // what is desired; nil = nothing
	picked  *firmware.Target // what Image last took: the target may move before Served. nil: not by blocks
	offset  uint32           // next byte of inFlight, as the device last asked
	due     uint32           // when the flusher looks at the row: a time of the agenda
	begun   milestone
	seen    int64
	stored  struct { // what is on disk of that which only drifts
		seen   int64 // 0: the row is not on disk
		offset uint32
	}
	owed     bool // the Reporter may have been told more than told
	asked    bool // it is to be told again, whatever was told
	restored bool // as an earlier process stored it, and not heard since
	changed  bool // what is on disk is not what a crash must not lose
	dropped  bool // no longer in the table: not to be stored again
	told     told
	desired  error // why release is nil

	place agenda.Place[Row] // when the flusher looks at the row
}

// compare orders rows as the store does.
func (r *Row) compare(other *Row) int {
	if r.application == other.application {
		return strings.Compare(r.name, other.name)
	}
	return strings.Compare(r.application.String(), other.application.String())
}

// essence is what a crash must not lose, but for the offset of block-wise
// transfers, and what rows explain.
type essence struct {
	current  intern.Text      // the version it last said it runs
	inFlight *firmware.Target // the image it is writing; nil = none
	lost     intern.Text      // the in-flight version that no source has
	held     intern.Text      // why the source does not let it swap; empty: it was not asked, or does
	sent     delivery
	reason   guard.Reason
}

// Lock returns what Unlock compares with.
func (r *Row) Lock() essence {
	r.mu.Lock()
	return r.essence
}

// Unlock has the flusher look at the row in time, according to what has become of
// it since Lock.
func (r *Row) Unlock(was essence, now time.Time) {
	if r.essence != was || r.strayed() {
		r.changed = true
		r.mark()
	} else if r.due == agenda.Never || r.table.reporter != nil {
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

// Target returns what the device should run, nil if nothing is known yet.
func (r *Row) Target() *firmware.Target {
	if r.release == nil {
		return nil
	}
	return r.release.Target()
}

// Heard notes a sign of life.
func (r *Row) Heard(now time.Time) { r.seen = now.UnixNano() }

// Pending reports whether the directory is still asking.
func (r *Row) Pending() bool { return errors.Is(r.desired, firmware.ErrPending) }

// keep returns what is kept of a version that a device reports, as far as a
// version of an image can go: was where that is the same. It allocates only when
// it is another one.
func keep(was intern.Text, reported []byte) intern.Text {
	reported = reported[:min(len(reported), firmware.MaxVersion)]
	if was.String() == string(reported) {
		return was
	}
	return intern.Of(string(reported))
}

// Runs notes the running version.
func (r *Row) Runs(version []byte) { r.current = keep(r.current, version) }

// InSync notes that the device runs its target t.
func (r *Row) InSync(t *firmware.Target, version []byte) {
	r.Runs(version)
	r.inFlight, r.offset, r.reason, r.lost, r.held = nil, 0, guard.ReasonNone, intern.Text{}, intern.Text{}
	r.sent.booted = !r.sent.none()
	if r.sent.is(t) {
		r.sent.image = imageOf(t) // a newer order for what it runs is carried out
	}
}

// Booted notes that the device runs version, which may be what it fetched.
func (r *Row) Booted(version []byte) {
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

// Progress notes that the device is at offset of t.
func (r *Row) Progress(t *firmware.Target, offset uint32, now time.Time) {
	same := r.inFlight != nil && r.inFlight.Transfer.Digest == t.Transfer.Digest
	at := max(now.Sub(r.table.started), 1)
	if !same || r.begun.at == 0 || offset < r.begun.offset {
		r.begun = milestone{at: at, offset: offset}
	}
	r.begun.passed = uint32(max(at-r.begun.at, 0) / time.Millisecond)
	r.inFlight, r.offset, r.reason, r.held = t, offset, guard.ReasonNone, intern.Text{}
}

// Delivered notes that the device has all of t and is to swap to it, or does so
// by itself.
func (r *Row) Delivered(t *firmware.Target, now time.Time) {
	r.sent = delivery{image: imageOf(t), from: r.current, at: now.UnixNano()}
}

// settling reports whether the result of t was delivered so recently that reports
// of an older version may have been on their way before it.
func (r *Row) settling(t *firmware.Target, now time.Time) bool {
	return now.Sub(time.Unix(0, r.sent.at)).Abs() < settle && r.sent.is(t)
}

// Begins has it stored that the device is at t: a crash must not make us forget
// which image was begun, the less so where another one was not finished.
func (r *Row) Begins(t *firmware.Target) {
	switch {
	case r.inFlight == nil:
		r.hasten()
	case r.inFlight.Transfer.Digest != t.Transfer.Digest:
		r.Rush()
	}
}

// Continues reports whether a request of the bytes up to end can belong to the
// transfer under way: the answer to its last one may have been lost. After a
// crash, what was stored may be of the transfer before: then the device seems to
// have gone back further.
func (r *Row) Continues(end uint32) bool {
	if !r.restored {
		return true
	}
	r.restored = false
	r.hasten() // what is stored may be older than a flush by now
	return end >= r.offset
}

// worthKeeping reports whether losing the row would lose something: names are
// invented freely, so rows of devices that never updated go first.
func (r *Row) worthKeeping() bool { return r.inFlight != nil || !r.sent.none() }

// Place implements agenda.Item.
func (r *Row) Place() *agenda.Place[Row] { return &r.place }

// Device returns whose row it is.
func (r *Row) Device() dfu.Device {
	return dfu.Device{Application: r.application.String(), Name: r.name}
}

// Release returns what is desired, nil for nothing: then the error says why.
func (r *Row) Release() (*release.Release, error) { return r.release, r.desired }

// InFlight returns the image that the device is in the middle of, nil for none.
func (r *Row) InFlight() *firmware.Target { return r.inFlight }

// Found notes that the device is in the middle of t.
func (r *Row) Found(t *firmware.Target) { r.inFlight = t }

// Lost notes that the device is in the middle of a version that no source has.
func (r *Row) Lost(version []byte) { r.lost = keep(r.lost, version) }

// Forgot notes that the device is in the middle of nothing any more.
func (r *Row) Forgot() { r.inFlight, r.offset = nil, 0 }

// Noted notes why the device is told to wait.
func (r *Row) Noted(why guard.Reason) { r.reason = why }

// Held notes why the source does not let the device swap, nil if it does.
func (r *Row) Held(why error) {
	if r.held = (intern.Text{}); why != nil {
		r.held = intern.Of(why.Error())
	}
}

// Picked notes the image that a block is about to be served from: the target may
// move before it is.
func (r *Row) Picked(t *firmware.Target) { r.picked = t }

// Serves returns the target that img is the transfer of, as far as the row may
// have been served from it; nil if there is none.
func (r *Row) Serves(img *firmware.Image) *firmware.Target {
	for _, t := range [...]*firmware.Target{r.Target(), r.inFlight, r.picked} {
		if t != nil && t.Transfer.Digest == img.Digest {
			return t
		}
	}
	return nil
}

// Facts returns what guards are to know of the row and of t, on any path.
func (r *Row) Facts(t *firmware.Target, now time.Time) guard.Facts {
	f := guard.Facts{
		Target: t, Noted: r.reason, Delivered: r.sent.of(t), From: r.sent.from.String(), Booted: r.sent.booted,
		Settling: r.settling(t, now),
	}
	if r.release != nil {
		f.Desired, f.Spec, f.Stale = true, r.release.Spec(), r.release.Stale(now)
	}
	return f
}

// Retry lets the device try its target again that did not boot.
func (r *Row) Retry() { r.sent, r.reason, r.lost = delivery{}, guard.ReasonNone, intern.Text{} }
