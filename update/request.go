package update

import (
	"time"

	"havn/dfu"
	"havn/firmware"
)

// Request answers a Status. It never blocks on I/O and allocates nothing; the
// Data of a Write aliases the image.
func (e *Engine) Request(row *Row, st *dfu.Status, l Limits, now time.Time) dfu.Command {
	row.mu.Lock()
	defer row.mu.Unlock()
	row.touch(now)
	l.MaxVersion = e.cfg.MaxVersion
	if late(row, st, now) {
		return e.wait(st, e.cfg.Retry)
	}
	row.setCurrent(st.Version)
	want, hold := e.choose(row, st, now)
	if hold != ReasonNone {
		row.reason = hold
		return e.hold(st, hold)
	}
	return e.answer(row, st, want, Decide(st, want, l), now)
}

// late reports whether st was overtaken by the Swap that ended its update: it
// is answered, but says nothing about where the device stands now.
func late(row *Row, st *dfu.Status, now time.Time) bool {
	if st.Updating || !row.settling(now) {
		return false
	}
	t := row.target()
	return t != nil && t.Digest == row.sent.Digest && !t.Is(st.Version)
}

// choose returns the image that st is to be answered from: the target, or the
// one in flight. A reason means that there is none to decide on now.
func (e *Engine) choose(row *Row, st *dfu.Status, now time.Time) (*firmware.Target, Reason) {
	t := row.target()
	if t != nil && t.Is(st.Version) {
		return t, ReasonNone
	}
	if st.Updating && (t == nil || string(st.Update.Version) != t.Version) {
		return e.chooseInFlight(row, st, t)
	}
	if t == nil {
		if row.release != nil {
			row.release.Ask(now)
		}
		return nil, ReasonNone
	}
	if !st.Updating {
		return t, e.mayStart(row, st.Version, t, now)
	}
	return t, ReasonNone
}

// chooseInFlight finds the image of a device that is in the middle of another
// version than its target t.
func (e *Engine) chooseInFlight(row *Row, st *dfu.Status, t *firmware.Target) (*firmware.Target, Reason) {
	switch {
	case row.inFlight != nil && row.inFlight.Version == string(st.Update.Version):
		return row.inFlight, ReasonNone
	case e.findInFlight(row, st.Update.Version):
		return row.inFlight, ReasonNone
	case e.cfg.UnknownInFlight == InFlightRestart && t != nil:
		return t, ReasonNone
	}
	return nil, ReasonUnknownInFlight
}

// findInFlight makes the image of a version the one in flight, if the ledger
// knows it.
func (e *Engine) findInFlight(row *Row, version []byte) bool {
	m, ok := e.releases.Find(row.device.Application, version)
	if ok {
		row.inFlight = firmware.NewTarget(m)
	} else if row.lost != string(version) {
		row.lost = string(version[:min(len(version), firmware.MaxVersion)])
	}
	return ok
}

// mayStart reports why an update to t must not start now.
func (e *Engine) mayStart(row *Row, version []byte, t *firmware.Target, now time.Time) Reason {
	why := row.returned(t, version)
	if why == ReasonFetching {
		row.reason = why
		e.learn(row, t, string(version))
		return row.reason
	}
	if why == ReasonNone && row.release.Stale(now) {
		row.release.Refresh()
		return ReasonFetching
	}
	return why
}

// learn decides what it means that a device came back from the swap to t with
// a version that is not t's: other firmware that the ledger knows, or another
// name of t, which is then entered in the ledger.
func (e *Engine) learn(row *Row, t *firmware.Target, version string) {
	known, ok := e.releases.Find(row.device.Application, []byte(version))
	if ok && known.Digest != t.Digest {
		row.reason = ReasonOtherVersion
		return
	}
	row.release.Learn(row.device.Name, t, version)
}

// answer turns a decision into the command and notes it on the row.
func (e *Engine) answer(row *Row, st *dfu.Status, want *firmware.Target, d Decision, now time.Time) dfu.Command {
	cmd := d.Command
	switch cmd.Op {
	case dfu.OpWait:
		row.reason, row.held = d.Reason, nil
		if want == nil {
			return e.idle(row, st)
		}
		return e.hold(st, d.Reason)
	case dfu.OpSync:
		row.inSync(want, st.Version)
		cmd.Poll = seconds(e.cfg.Poll)
	case dfu.OpWrite:
		img := e.images.Get(want.Transfer.Digest)
		if img == nil {
			row.reason = ReasonFetching
			e.releases.Load(want)
			return e.hold(st, ReasonFetching)
		}
		img.Touch(now)
		cmd.Data = img.Slice(cmd.Offset, d.Length)
		row.progress(want, cmd.Offset, now)
	case dfu.OpSwap:
		row.progress(want, want.Transfer.Size, now)
		if row.held = e.maySwap(row, want); row.held != nil {
			return e.wait(st, e.cfg.Poll)
		}
		row.delivered(want, now)
	}
	return cmd
}

// maySwap asks the source of what the row's device should run whether it may
// swap to t, which can be of an earlier release.
func (e *Engine) maySwap(row *Row, t *firmware.Target) error {
	if e.gate == nil || row.release == nil {
		return nil
	}
	return e.gate.MaySwap(row.release.Spec(), t.Digest)
}

// idle answers a device that there is no firmware for, or none known yet. What
// it was in the middle of, it has forgotten.
func (e *Engine) idle(row *Row, st *dfu.Status) dfu.Command {
	row.inFlight, row.offset = nil, 0
	if row.pending() || (row.release != nil && !row.release.Vacant()) {
		return e.wait(st, e.cfg.Retry)
	}
	return e.wait(st, e.cfg.Poll)
}

// hold answers a device whose update cannot go on now: soon again while
// something is being fetched, else at the pace of the idle.
func (e *Engine) hold(st *dfu.Status, why Reason) dfu.Command {
	if why == ReasonFetching {
		return e.wait(st, e.cfg.Retry)
	}
	return e.wait(st, e.cfg.Poll)
}

func (e *Engine) wait(st *dfu.Status, poll time.Duration) dfu.Command {
	return dfu.Command{Op: dfu.OpWait, CorrelationID: st.CorrelationID, Poll: seconds(poll)}
}

// maxPoll keeps poll*1000 inside the 32 bits in which devices compute it.
const maxPoll = 1<<32/1000 - 1

// seconds rounds up, since 0 means "not given".
func seconds(d time.Duration) uint32 {
	return uint32(min((d+time.Second-1)/time.Second, maxPoll))
}
