package update

import (
	"errors"
	"fmt"
	"time"

	"havn/firmware"
	"havn/update/guard"
)

// ErrNotBooted: the image was delivered to this device before and did not boot
// there; it is not sent again until an operator says so.
var ErrNotBooted = errors.New("delivered before and not booted; see gateway retry")

// Image returns the image that a block-wise GET of size bytes at offset is served
// from. The first block selects the target; later ones continue the image whose
// first block the device last got, so that a tag that moves never mixes images.
//
// It fails with firmware.ErrNotFound where nothing is desired, and with
// firmware.ErrPending while the image is fetched behind.
func (e *Engine) Image(row *Row, offset, size uint32, now time.Time) (*firmware.Image, error) {
	defer row.unlock(row.lock(), now)
	row.touch(now)
	t := row.inFlight
	if offset == 0 || t == nil || !row.continues(offset+size) {
		var err error
		if t, err = e.selectTarget(row, offset, now); err != nil {
			return nil, err
		}
	}
	row.picked = t
	img := e.images.Get(t.Transfer.Digest)
	if img == nil {
		row.reason = guard.ReasonFetching
		e.releases.Load(t)
		return nil, firmware.ErrPending
	}
	if offset == 0 {
		if err := e.mayBegin(row, t, now); err != nil {
			return nil, err
		}
	}
	img.Touch(now)
	return img, nil
}

// mayBegin reports why a transfer of t must not begin now: a device that fetches
// by blocks swaps by itself as soon as it has the last one. One that is held has
// begun nothing, whatever it was in the middle of.
func (e *Engine) mayBegin(row *Row, t *firmware.Target, now time.Time) error {
	held := e.guards.May(e.facts(row, t, now), guard.Swap).Held
	if row.hold(held); held == nil {
		return nil
	}
	row.inFlight, row.offset, row.reason = nil, 0, guard.ReasonNone
	return fmt.Errorf("%w: %w", firmware.ErrPending, held)
}

// resume is how long after its start the gateway expects transfers that began
// before: an image of some megabytes over a slow link.
const resume = 10 * time.Minute

// selectTarget returns the image of a transfer that is not known: a new one, or
// one that an earlier process began and crashed before it noted that.
func (e *Engine) selectTarget(row *Row, offset uint32, now time.Time) (*firmware.Target, error) {
	t, err := e.desiredOf(row, now)
	switch {
	case err != nil:
		return nil, err
	case offset > 0 && row.release.First() != nil && now.Sub(e.started) < resume:
		return row.release.First(), nil
	}
	return t, e.mayTransfer(row, t, now)
}

// mayTransfer reports why no transfer of t must begin now. The requests of
// block-wise transfers say neither what the device runs nor what they are of.
func (e *Engine) mayTransfer(row *Row, t *firmware.Target, now time.Time) error {
	f := e.facts(row, t, now)
	f.Moving = row.release.Moving()
	v := e.guards.May(f, guard.Start)
	e.followUp(row, t, nil, v)
	switch {
	case v.Answer == guard.Go:
		return nil
	case v.Reason.Failed():
		return ErrNotBooted
	}
	return firmware.ErrPending
}

// desiredOf returns the row's target, or why there is none. The caller holds
// the row.
func (e *Engine) desiredOf(row *Row, now time.Time) (*firmware.Target, error) {
	if row.release == nil {
		return nil, row.desired
	}
	if t := row.target(); t != nil {
		return t, nil
	}
	row.release.Ask(now)
	if row.release.Vacant() {
		return nil, firmware.ErrNotFound
	}
	if err := row.release.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", firmware.ErrPending, err)
	}
	return nil, firmware.ErrPending
}

// Served notes that the device was sent img up to, not including, byte end.
func (e *Engine) Served(row *Row, img *firmware.Image, end uint32, now time.Time) {
	defer row.unlock(row.lock(), now)
	for _, t := range [...]*firmware.Target{row.target(), row.inFlight, row.picked} {
		if t != nil && t.Transfer.Digest == img.Digest {
			row.begins(t)
			if row.progress(t, end, now); end == t.Transfer.Size {
				row.delivered(t, now)
				row.rush() // the next transfer may begin at once
			}
			return
		}
	}
}

// begins has it stored that the device is at t: a crash must not make us forget
// which image was begun, the less so where another one was not finished.
func (r *Row) begins(t *firmware.Target) {
	switch {
	case r.inFlight == nil:
		r.hasten()
	case r.inFlight.Transfer.Digest != t.Transfer.Digest:
		r.rush()
	}
}

// continues reports whether a request of the bytes up to end can belong to the
// transfer under way: the answer to its last one may have been lost. After a
// crash, what was stored may be of the transfer before: then the device seems to
// have gone back further. The caller holds mu.
func (r *Row) continues(end uint32) bool {
	if !r.restored {
		return true
	}
	r.restored = false
	r.hasten() // what is stored may be older than a flush by now
	return end >= r.offset
}

// Target returns what the device should run, whether it is held or not. It
// fails as Image does.
func (e *Engine) Target(row *Row, now time.Time) (*firmware.Target, error) {
	defer row.unlock(row.lock(), now)
	row.touch(now)
	return e.desiredOf(row, now)
}

// Report notes the version that a device which fetches by blocks says it runs.
func (e *Engine) Report(row *Row, version []byte, now time.Time) {
	defer row.unlock(row.lock(), now)
	row.touch(now)
	t := row.target()
	switch {
	case t == nil:
		row.booted(version)
		row.setCurrent(version)
	case t.Is(version):
		row.inSync(t, version)
	default:
		e.reported(row, t, version, now)
	}
}

// reported notes that a device does not run its target t.
func (e *Engine) reported(row *Row, t *firmware.Target, version []byte, now time.Time) {
	f := e.facts(row, t, now)
	e.says(row, &f, version)
	v := guard.Delivery(f, guard.Start)
	if v.Answer == guard.Settle {
		return // on its way before the last block was
	}
	row.booted(version)
	row.setCurrent(version)
	e.followUp(row, t, version, v)
	if v.Reason.Failed() || v.Answer == guard.Go && row.inFlight == nil {
		row.reason = v.Reason
	}
}

// Blob returns a held image by the first bytes of its digest. It fails with
// firmware.ErrPending where a device is assigned to it and it is not in memory
// now, and with firmware.ErrNotFound where nobody is.
func (e *Engine) Blob(prefix []byte, now time.Time) (*firmware.Image, error) {
	if img := e.images.Find(prefix); img != nil {
		img.Touch(now)
		return img, nil
	}
	if t := e.releases.Offered(prefix); t != nil {
		e.releases.Load(t)
		return nil, firmware.ErrPending
	}
	return nil, firmware.ErrNotFound
}
