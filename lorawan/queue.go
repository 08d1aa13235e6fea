package lorawan

import (
	"bytes"
	"time"

	"havn/dfu"
)

// maxHeld is for how many uplinks in a row an answer is withheld before the
// server's queue is probed.
const maxHeld = 4

// queue is what the handler knows of a device's downlink queue in the network
// server. A second Write in that queue corrupts real devices, and a server that
// does not name downlinks cannot tell which one has left. So a Write is never
// queued beside a command of the upstream either, and nothing is sent until it
// is known what became of the last downlink:
//
//	         answer or command            txack, error, join, or a
//	empty ───────────► queued ──────────► Status that shows its effect
//	  ▲                  │  ▲                    │
//	  │     maxHeld + 1  │  │ no sign            │
//	  │     uplinks,     ▼  │ again              ▼
//	  │     no sign    probed                  empty
//	  │                  │ a sign
//	  └─────────────── drained: an uplink per probe
//
// What is queued rides the next window by itself, so to withhold costs nothing
// but that window. A downlink without any sign was lost on its way to the queue,
// or MAC commands starve it there. A probe, a Wait that does no harm in whatever
// number, tells: it leaves the queue behind everything that came before it. A
// command can be one as well, and is where no Status comes to be answered.
//
// Where a downlink can replace what is queued, the answer itself takes the place
// of the probe.
type queue struct {
	last    item
	queued  bool       // last may still be in the queue
	silent  int        // uplinks since the last sign of last
	probeAt int        // value of silent at which the next probe is sent
	probes  int        // probes that may still be in the queue, behind last
	probe   DownlinkID // the newest
	owed    bool       // the txack of a downlink that has arrived is still to come
	drained int        // uplinks that went by while only probes could be queued
}

// item is a downlink that was sent to the network server.
type item struct {
	id      DownlinkID
	command bool // of the upstream; it has no op
	op      dfu.Op
	version []byte    // of what is written or swapped to
	offset  uint32    // of a Write
	size    int       // bytes of payload
	fresh   time.Time // until when it cannot have expired
}

// put notes a downlink that was handed to the network server.
func (q *queue) put(it item) {
	*q = queue{last: it, queued: true, owed: q.owed, probeAt: maxHeld + 1}
}

// putProbe notes a probe. The next one comes after twice as long.
func (q *queue) putProbe(id DownlinkID) {
	q.probes++
	q.probe, q.drained = id, 0
	q.probeAt = 2*q.silent - 1
}

// passed notes an uplink: a window of which the server made what it could.
func (q *queue) passed() {
	if q.queued {
		q.silent++
	}
}

// sent notes a txack. One without a name may be that of a downlink whose effect
// a Status has shown before.
func (q *queue) sent(id DownlinkID) {
	if q.owed && id == (DownlinkID{}) {
		q.owed = false
		return
	}
	q.left(id)
}

// left notes that a downlink has left the queue. Servers that do not name it
// give the zero ID; the queue is in order, so it was the first. The answer is
// whether it was ours.
func (q *queue) left(id DownlinkID) bool {
	known := id != (DownlinkID{})
	switch {
	case q.queued && (!known || id == q.last.id):
		q.queued, q.silent = false, 0
	case q.probes > 0 && (!known || id == q.probe):
		q.probes--
		if known {
			q.queued, q.silent, q.probes = false, 0, 0
		}
	default:
		return false
	}
	q.drained = 0
	return true
}

// kept notes that the network server still has what it could not send.
func (q *queue) kept(id DownlinkID) {
	switch {
	case q.queued && (id == (DownlinkID{}) || id == q.last.id):
		q.silent, q.probeAt = 0, maxHeld+1
	case q.probes > 0:
		q.drained = 0
	}
}

// flushed notes that the network server has dropped the queue.
func (q *queue) flushed() { *q = queue{} }

// see takes from a Status whether the last downlink has arrived.
func (q *queue) see(st *dfu.Status) {
	if q.queued && q.last.shows(st) {
		q.queued, q.silent, q.owed = false, 0, true
	}
}

// shows reports whether st is that of a device that has received the item.
func (it *item) shows(st *dfu.Status) bool {
	switch it.op {
	case dfu.OpWrite:
		return st.Updating && bytes.Equal(st.Update.Version, it.version) && st.Update.Offset > it.offset
	case dfu.OpSwap:
		return !st.Updating && bytes.Equal(st.Version, it.version)
	}
	return false
}

// free reports whether a downlink may be sent after this uplink. Probes are so
// small that one leaves with each uplink.
func (q *queue) free() bool {
	if q.queued {
		return false
	}
	if q.drained < q.probes {
		q.drained++
		return false
	}
	q.probes = 0
	return true
}

// idle reports whether the queue is empty, as far as can be told.
func (q *queue) idle() bool { return !q.queued && q.probes == 0 }

// takesCommand reports whether a command may be sent now.
func (q *queue) takesCommand() bool { return q.idle() || q.overdue() }

// overdue reports whether it is time for a probe.
func (q *queue) overdue() bool { return q.queued && q.silent >= q.probeAt }
