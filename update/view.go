package update

import (
	"errors"
	"math"
	"time"

	"havn/dfu"
	"havn/firmware"
)

// State is where a device stands. It is derived from its row.
type State string

// The states, as the API and the metrics name them.
const (
	StateUnknown  State = "unknown"  // nothing is desired, or the device was not heard yet
	StateWaiting  State = "waiting"  // it should update but cannot yet; Error says why
	StateUpdating State = "updating" // chunks are on their way
	StateInSync   State = "in-sync"  // it runs its target
	StateFailed   State = "failed"   // it came back without the target; an operator must retry
)

// States lists all of them.
var States = [...]State{StateInSync, StateUpdating, StateWaiting, StateFailed, StateUnknown}

// View is a row as people and the API see it.
type View struct {
	dfu.Device
	Protocol string    `json:"protocol"`
	State    State     `json:"state"`
	Current  string    `json:"current"` // versions that are not UTF-8 as 0x...
	Target   string    `json:"target"`
	Offset   uint32    `json:"offset"`
	Size     uint32    `json:"size"`
	Progress float64   `json:"progress"` // 0..1
	Error    string    `json:"error"`
	LastSeen time.Time `json:"last_seen"`
	ETA      *float64  `json:"eta_seconds"` // null: not known

	// Digest and Order are of the image that State is about: the one in flight,
	// else the target; zero where there is none. They are not for people.
	Digest firmware.Digest `json:"-"`
	Order  string          `json:"-"`
}

func (v *View) name() string { return v.Device.String() }

// view returns the row as it is now.
func (r *Row) view() View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.render()
}

// render is view for callers that hold mu.
func (r *Row) render() View {
	v := View{
		Device: r.device, Protocol: r.engine.protocols.name(r.protocol.Load()), State: r.state(),
		Current: Printable(r.current), Offset: r.offset, LastSeen: r.seen.UTC(),
	}
	if t := r.subject(v.State); t != nil {
		v.Target, v.Size, v.Digest, v.Order = Printable(t.Version), t.Size, t.Digest, t.Order
	}
	v.setProgress()
	if eta, ok := r.eta(r.seen); ok && v.State == StateUpdating {
		seconds := math.Round(eta.Seconds())
		v.ETA = &seconds
	}
	v.Error = r.explain(&v)
	return v
}

// subject returns the image that the row's state is about: the one in flight,
// unless that is the target, whose order may be newer. The caller holds mu.
func (r *Row) subject(s State) *Target {
	t := r.target()
	if t == nil || r.inFlight != nil && r.inFlight.Digest != t.Digest && s != StateInSync {
		return r.inFlight
	}
	return t
}

func (v *View) setProgress() {
	switch {
	case v.State == StateInSync:
		v.Offset, v.Progress = v.Size, 1
	case v.Size > 0:
		v.Progress = min(float64(v.Offset)/float64(v.Size), 1)
	}
}

// state derives the row's state. The caller holds mu.
func (r *Row) state() State {
	t := r.target()
	switch {
	case r.reason.failed() && t != nil && r.sent.of(t):
		return StateFailed
	case t != nil && t.Is([]byte(r.current)):
		return StateInSync
	case r.inFlight != nil && r.reason == ReasonNone:
		return StateUpdating
	case r.release == nil && !errors.Is(r.desired, firmware.ErrInvalid):
		return StateUnknown
	case r.release != nil && r.release.vacant.Load():
		return StateUnknown
	}
	return StateWaiting
}

// explain returns the reason the row shows. The caller holds mu.
func (r *Row) explain(v *View) string {
	if r.reason == ReasonFetching {
		if why := r.explainFetching(); why != "" {
			return why
		}
	}
	over := r.reason.failed() && v.State != StateFailed // what failed is no longer asked for
	if text := r.reason.text(v, Printable(r.lost)); text != "" && !over {
		return text
	}
	switch {
	case r.held != nil:
		return r.held.Error()
	case r.release != nil:
		return r.release.explain()
	case r.pending():
		return "the registry has not said yet what it should run"
	case r.desired != nil && !errors.Is(r.desired, firmware.ErrNotFound):
		return r.desired.Error()
	}
	return ""
}

// explainFetching returns what keeps the image that the device waits for from
// being served, empty if that is only a matter of time. The caller holds mu.
func (r *Row) explainFetching() string {
	t := r.target()
	if r.release != nil && (r.inFlight == nil || t != nil && r.inFlight.Digest == t.Digest) {
		if why := r.release.explain(); why != "" {
			return why
		}
	}
	if r.inFlight != nil {
		t = r.inFlight
	}
	if t == nil {
		return ""
	}
	return r.engine.loadErrors.of(t)
}
