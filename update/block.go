package update

import (
	"errors"
	"fmt"
	"time"

	"havn/firmware"
	"havn/update/guard"
	"havn/update/release"
	"havn/update/row"
)

// ErrNotBooted: the image was delivered to this device before and did not boot
// there. The image is not sent again until an operator says so.
var ErrNotBooted = errors.New("delivered before and not booted; see gateway retry")

// Image returns the image that a block-wise GET of size bytes at offset is served
// from. The first block selects the target. Later blocks continue the image whose
// first block the device last got, so that a tag that moves never mixes images.
//
// It fails with firmware.ErrNotFound where nothing is desired, with
// firmware.ErrPending while a job fetches the image or a guard holds it, and with
// ErrNotBooted.
func (e *Engine) Image(r *row.Row, offset, size uint32, now time.Time) (*firmware.Image, error) {
	defer r.Unlock(r.Lock(), now)
	r.Heard(now)
	t := r.InFlight()
	if offset == 0 || t == nil || !r.Continues(offset+size) {
		var err error
		if t, err = e.selectTarget(r, offset, now); err != nil {
			return nil, err
		}
	}
	r.Picked(t)
	img := e.images.Get(t.Transfer.Digest)
	if img == nil {
		r.Noted(guard.ReasonFetching)
		e.releases.Load(t)
		return nil, firmware.ErrPending
	}
	if offset == 0 {
		if err := e.mayBegin(r, t, now); err != nil {
			return nil, err
		}
	}
	img.Touch(now)
	return img, nil
}

// mayBegin reports why the first block of t must not be served now: a device that
// fetches blocks swaps by itself as soon as it has the last one, so it must be
// allowed to swap before. A device that is held has begun nothing, whatever it was
// in the middle of.
func (e *Engine) mayBegin(r *row.Row, t *firmware.Target, now time.Time) error {
	v := e.guards.May(r.Facts(t, now), guard.Swap)
	r.Held(v.Held)
	if v.Answer == guard.Go {
		return nil
	}
	r.Forgot()
	r.Noted(v.Reason)
	if v.Held != nil {
		return fmt.Errorf("%w: %w", firmware.ErrPending, v.Held)
	}
	return firmware.ErrPending
}

// resume is how long after its start the gateway expects transfers that began
// before it: an image of some megabytes takes so long over a slow link.
const resume = 10 * time.Minute

// selectTarget returns the image of a transfer that is not known: a new transfer,
// or one that an earlier process began and did not store before it crashed.
func (e *Engine) selectTarget(r *row.Row, offset uint32, now time.Time) (*firmware.Target, error) {
	t, err := e.desiredOf(r, now)
	if err != nil {
		return nil, err
	}
	rel, _ := r.Release()
	if first := rel.First(); offset > 0 && first != nil && now.Sub(e.started) < resume {
		return first, nil
	}
	return t, e.mayTransfer(r, rel, t, now)
}

// mayTransfer reports why no transfer of t must begin now. A block-wise request
// says neither which version the device runs nor which image it is of.
func (e *Engine) mayTransfer(r *row.Row, rel *release.Release, t *firmware.Target, now time.Time) error {
	f := r.Facts(t, now)
	f.Moving = rel.Moving()
	v := e.guards.May(f, guard.Start)
	e.followUp(r, t, nil, v)
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
func (e *Engine) desiredOf(r *row.Row, now time.Time) (*firmware.Target, error) {
	rel, err := r.Release()
	if rel == nil {
		return nil, err
	}
	if t := rel.Target(); t != nil {
		return t, nil
	}
	rel.Ask(now)
	if rel.Vacant() {
		return nil, firmware.ErrNotFound
	}
	if err := rel.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", firmware.ErrPending, err)
	}
	return nil, firmware.ErrPending
}

// Served notes that the device was sent img up to, not including, byte end.
func (e *Engine) Served(r *row.Row, img *firmware.Image, end uint32, now time.Time) {
	defer r.Unlock(r.Lock(), now)
	t := r.Serves(img)
	if t == nil {
		return
	}
	r.Begins(t)
	if r.Progress(t, end, now); end == t.Transfer.Size {
		r.Delivered(t, now)
		r.Rush() // the next transfer may begin at once
	}
}

// Target returns what the device should run, whether it is held or not. It
// fails as Image does.
func (e *Engine) Target(r *row.Row, now time.Time) (*firmware.Target, error) {
	defer r.Unlock(r.Lock(), now)
	r.Heard(now)
	return e.desiredOf(r, now)
}

// Report notes the version that a device which fetches by blocks says it runs.
func (e *Engine) Report(r *row.Row, version []byte, now time.Time) {
	defer r.Unlock(r.Lock(), now)
	r.Heard(now)
	t := r.Target()
	switch {
	case t == nil:
		r.Booted(version)
		r.Runs(version)
	case t.Is(version):
		r.InSync(t, version)
	default:
		e.reported(r, t, version, now)
	}
}

// reported notes that a device does not run its target t.
func (e *Engine) reported(r *row.Row, t *firmware.Target, version []byte, now time.Time) {
	f := r.Facts(t, now)
	e.says(r, &f, version)
	v := guard.Delivery(f, guard.Start)
	if v.Answer == guard.Settle {
		return // the report was sent before the last block arrived
	}
	r.Booted(version)
	r.Runs(version)
	e.followUp(r, t, version, v)
	if v.Reason.Failed() || v.Answer == guard.Go && r.InFlight() == nil {
		r.Noted(v.Reason)
	}
}

// Blob returns a held image by the first bytes of its digest. It fails with
// firmware.ErrPending where the image is offered but not in memory, and with
// firmware.ErrNotFound where it is not offered.
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
