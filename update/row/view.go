package row

import (
	"errors"
	"time"

	"havn/firmware"
	"havn/status"
	"havn/update/guard"
	"havn/update/intern"
)

// Status returns where the device stands now.
func (r *Row) Status() status.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.render()
}

// render is Status for callers that hold mu.
func (r *Row) render() status.Status {
	v := status.Status{
		Device: r.Device(), Protocol: r.table.protocols.Name(r.protocol.Load()), State: r.state(),
		Current: firmware.Printable(r.current.String()), Offset: r.offset, LastSeen: time.Unix(0, r.seen).UTC(),
	}
	if t := r.subject(v.State); t != nil {
		v.Target, v.Size, v.Digest, v.Order = firmware.Printable(t.Version), t.Transfer.Size, t.Digest, t.Order
	}
	v.SetProgress()
	if eta, ok := r.eta(); ok && v.State == status.Updating {
		eta = eta.Round(time.Second)
		v.ETA = &eta
	}
	v.Error = r.explain(&v)
	return v
}

// subject returns the image that the row's state is about: the one in flight,
// unless that is the target, whose order may be newer. The caller holds mu.
func (r *Row) subject(s status.State) *firmware.Target {
	t := r.Target()
	if t == nil || r.inFlight != nil && r.inFlight.Digest != t.Digest && s != status.InSync {
		return r.inFlight
	}
	return t
}

// state derives the row's state. The caller holds mu.
func (r *Row) state() status.State {
	t := r.Target()
	switch {
	case r.reason.Failed() && t != nil && r.sent.of(t):
		return status.Failed
	case t != nil && t.Is([]byte(r.current.String())):
		return status.InSync
	case r.inFlight != nil && r.reason == guard.ReasonNone:
		return status.Updating
	case r.release == nil && !errors.Is(r.desired, firmware.ErrInvalid):
		return status.Unknown
	case r.release != nil && r.release.Vacant():
		return status.Unknown
	}
	return status.Waiting
}

// explain returns the reason the row shows. The caller holds mu.
func (r *Row) explain(v *status.Status) string {
	if r.reason == guard.ReasonFetching {
		if why := r.explainFetching(); why != "" {
			return why
		}
	}
	over := r.reason.Failed() && v.State != status.Failed // what failed is no longer asked for
	if text := r.reason.Text(v, firmware.Printable(r.lost.String())); text != "" && !over {
		return text
	}
	switch {
	case r.held != intern.Text{}:
		return r.held.String()
	case r.release != nil:
		return r.release.Explain()
	case r.Pending():
		return "the registry has not said yet what it should run"
	case r.desired != nil && !errors.Is(r.desired, firmware.ErrNotFound):
		return r.desired.Error()
	}
	return ""
}

// explainFetching returns what keeps the image that the device waits for from
// being served, empty if that is only a matter of time. The caller holds mu.
func (r *Row) explainFetching() string {
	t := r.Target()
	if r.release != nil && (r.inFlight == nil || t != nil && r.inFlight.Digest == t.Digest) {
		if why := r.release.Explain(); why != "" {
			return why
		}
	}
	if r.inFlight != nil {
		t = r.inFlight
	}
	if t == nil {
		return ""
	}
	return r.table.releases.LoadError(t)
}

// State returns what the device is up to now.
func (r *Row) State() status.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state()
}
