package update

import (
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/update/guard"
	"havn/update/row"
)

// Request answers a Status. It never blocks on I/O and allocates nothing; the
// Data of a Write aliases the image.
func (e *Engine) Request(r *row.Row, st *dfu.Status, l Limits, now time.Time) dfu.Command {
	defer r.Unlock(r.Lock(), now)
	r.Heard(now)
	want, why := e.choose(r, st, now)
	verdict := e.mayStep(r, st, want, l, now)
	if verdict.Answer == guard.Settle {
		return e.wait(st, e.cfg.Retry)
	}
	r.Runs(st.Version)
	switch {
	case why != guard.ReasonNone:
		r.Noted(why)
		return e.hold(st, why)
	case verdict.Answer != guard.Go:
		return e.refuse(r, st, want, verdict, now)
	}
	return e.answer(r, st, want, Decide(st, want, l), now)
}

// choose returns the image that st is to be answered from: the target, or the
// image in flight. With a reason, the device waits whatever it wants.
func (e *Engine) choose(r *row.Row, st *dfu.Status, now time.Time) (*firmware.Target, guard.Reason) {
	t := r.Target()
	switch {
	case t != nil && t.Is(st.Version):
		return t, guard.ReasonNone
	case st.Updating && (t == nil || string(st.Update.Version) != t.Version):
		return e.chooseInFlight(r, st, t)
	case t == nil:
		if rel, _ := r.Release(); rel != nil {
			rel.Ask(now)
		}
	}
	return t, guard.ReasonNone
}

// chooseInFlight finds the image of a device that is in the middle of another
// version than its target t.
func (e *Engine) chooseInFlight(r *row.Row, st *dfu.Status, t *firmware.Target) (*firmware.Target, guard.Reason) {
	switch {
	case r.InFlight() != nil && r.InFlight().Version == string(st.Update.Version):
		return r.InFlight(), guard.ReasonNone
	case e.findInFlight(r, st.Update.Version):
		return r.InFlight(), guard.ReasonNone
	case e.cfg.UnknownInFlight == InFlightRestart && t != nil:
		return t, guard.ReasonNone
	}
	return nil, guard.ReasonUnknownInFlight
}

// findInFlight makes the image of a version the one in flight, if the ledger
// knows it.
func (e *Engine) findInFlight(r *row.Row, version []byte) bool {
	m, ok := e.releases.Find(r.Device().Application, version)
	if ok {
		r.Found(e.releases.Known(m))
	} else {
		r.Lost(version)
	}
	return ok
}

// mayStep asks the guards about the next step of a device towards want.
func (e *Engine) mayStep(r *row.Row, st *dfu.Status, want *firmware.Target, l Limits, now time.Time) guard.Verdict {
	if want == nil || want.Is(st.Version) {
		return guard.Verdict{}
	}
	_, step := standing(st, want)
	last := swap(st, want)
	f := r.Facts(want, now)
	f.MaxVersion, f.NoAirtime, f.Payload, f.SwapBytes = e.cfg.MaxVersion, l.NoStart, l.Payload, last.Len()
	if step == guard.Start {
		e.says(r, &f, st.Version)
	}
	return e.guards.May(f, step)
}

// refuse notes why a device may not take its next step, and answers it.
func (e *Engine) refuse(r *row.Row, st *dfu.Status, want *firmware.Target, v guard.Verdict, now time.Time) dfu.Command {
	if v.Held != nil {
		r.Progress(want, want.Transfer.Size, now)
	}
	r.Noted(v.Reason)
	r.Held(v.Held)
	e.followUp(r, want, st.Version, v)
	return e.hold(st, v.Reason)
}

// answer turns a decision into the command and notes it on the row.
func (e *Engine) answer(r *row.Row, st *dfu.Status, want *firmware.Target, d Decision, now time.Time) dfu.Command {
	cmd := d.Command
	switch cmd.Op {
	case dfu.OpWait:
		r.Noted(d.Reason)
		r.Held(nil)
		if want == nil {
			return e.idle(r, st)
		}
		return e.hold(st, d.Reason)
	case dfu.OpSync:
		r.InSync(want, st.Version)
		cmd.Poll = seconds(e.cfg.Poll)
	case dfu.OpWrite:
		img := e.images.Get(want.Transfer.Digest)
		if img == nil {
			r.Noted(guard.ReasonFetching)
			e.releases.Load(want)
			return e.hold(st, guard.ReasonFetching)
		}
		img.Touch(now)
		cmd.Data = img.Slice(cmd.Offset, d.Length)
		r.Progress(want, cmd.Offset, now)
	case dfu.OpSwap:
		r.Progress(want, want.Transfer.Size, now)
		r.Delivered(want, now)
	}
	return cmd
}

// idle answers a device that is in the middle of nothing, and for which there is no
// firmware, or none known yet.
func (e *Engine) idle(r *row.Row, st *dfu.Status) dfu.Command {
	r.Forgot()
	if rel, _ := r.Release(); r.Pending() || (rel != nil && !rel.Vacant()) {
		return e.wait(st, e.cfg.Retry)
	}
	return e.wait(st, e.cfg.Poll)
}

// hold answers a device whose update cannot go on now: it asks again soon while
// something is being fetched, else at the pace of idle devices.
func (e *Engine) hold(st *dfu.Status, why guard.Reason) dfu.Command {
	if why == guard.ReasonFetching {
		return e.wait(st, e.cfg.Retry)
	}
	return e.wait(st, e.cfg.Poll)
}

func (e *Engine) wait(st *dfu.Status, poll time.Duration) dfu.Command {
	return dfu.Command{Op: dfu.OpWait, CorrelationID: st.CorrelationID, Poll: seconds(poll)}
}

// maxPoll keeps poll*1000 inside the 32 bits in which devices compute it.
const maxPoll = 1<<32/1000 - 1

// seconds rounds d up, since a poll of 0 means "not given".
func seconds(d time.Duration) uint32 {
	return uint32(min((d+time.Second-1)/time.Second, maxPoll))
}
