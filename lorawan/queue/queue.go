// Package queue is the account that the gateway keeps of the downlink queue of one
// device in its network server: what may still be in it, and so whether another
// downlink may be sent.
//
// Invariants:
//   - At most one downlink with firmware or a command is counted as queued.
//   - What the server may still have is counted as queued until there is a sign that
//     it has left.
//
// A Queue is not safe for concurrent use.
package queue

import (
	"bytes"
	"time"

	"havn/dfu"
	"havn/lorawan/event"
)

// maxHeld is for how many uplinks in a row an answer is withheld before the
// server's queue is probed.
const maxHeld = 4

// Queue is what the handler knows of a device's downlink queue in the network
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
type Queue struct {
	Last    Item             // the newest downlink, but for probes
	queued  bool             // Last may still be in the queue
	Silent  int              // uplinks since the last sign of Last
	probeAt int              // value of Silent at which the next probe is sent
	probes  int              // probes that may still be in the queue, behind Last
	probe   event.DownlinkID // the newest
	owed    bool             // the txack of a downlink that has arrived is still to come
	drained int              // uplinks that went by while only probes could be queued
}

// Item is a downlink that was sent to the network server.
type Item struct {
	ID      event.DownlinkID
	Command bool // of the upstream; it has no op
	Op      dfu.Op
	Version []byte    // of what is written or swapped to
	Offset  uint32    // of a Write
	Size    int       // bytes of payload
	Fresh   time.Time // until when it cannot have expired
}

// Put notes a downlink that was handed to the network server.
func (q *Queue) Put(it Item) {
	*q = Queue{Last: it, queued: true, owed: q.owed, probeAt: maxHeld + 1}
}

// PutProbe notes a probe. The next one comes after twice as long.
func (q *Queue) PutProbe(id event.DownlinkID) {
	q.probes++
	q.probe, q.drained = id, 0
	q.probeAt = 2*q.Silent - 1
}

// Passed notes an uplink: a window of which the server made what it could.
func (q *Queue) Passed() {
	if q.queued {
		q.Silent++
	}
}

// Sent notes a txack. One without a name may be that of a downlink whose effect
// a Status has shown before.
func (q *Queue) Sent(id event.DownlinkID) {
	if q.owed && id == (event.DownlinkID{}) {
		q.owed = false
		return
	}
	q.Left(id)
}

// Left notes that a downlink has left the queue. Servers that do not name it
// give the zero ID; the queue is in order, so it was the first. The answer is
// whether it was ours.
func (q *Queue) Left(id event.DownlinkID) bool {
	known := id != (event.DownlinkID{})
	switch {
	case q.queued && (!known || id == q.Last.ID):
		q.queued, q.Silent = false, 0
	case q.probes > 0 && (!known || id == q.probe):
		q.probes--
		if known {
			q.queued, q.Silent, q.probes = false, 0, 0
		}
	default:
		return false
	}
	q.drained = 0
	return true
}

// Kept notes that the network server still has what it could not send.
func (q *Queue) Kept(id event.DownlinkID) {
	switch {
	case q.queued && (id == (event.DownlinkID{}) || id == q.Last.ID):
		q.Silent, q.probeAt = 0, maxHeld+1
	case q.probes > 0:
		q.drained = 0
	}
}

// Flushed notes that the network server has dropped the queue.
func (q *Queue) Flushed() { *q = Queue{} }

// See takes from a Status whether the last downlink has arrived.
func (q *Queue) See(st *dfu.Status) {
	if q.queued && q.Last.shows(st) {
		q.queued, q.Silent, q.owed = false, 0, true
	}
}

// shows reports whether st is that of a device that has received the item.
func (it *Item) shows(st *dfu.Status) bool {
	switch it.Op {
	case dfu.OpWrite:
		return st.Updating && bytes.Equal(st.Update.Version, it.Version) && st.Update.Offset > it.Offset
	case dfu.OpSwap:
		return !st.Updating && bytes.Equal(st.Version, it.Version)
	default: // nothing tells
		return false
	}
}

// Free reports whether a downlink may be sent after this uplink. Probes are so
// small that one leaves with each uplink.
func (q *Queue) Free() bool {
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

// Idle reports whether the queue is empty, as far as can be told.
func (q *Queue) Idle() bool { return !q.queued && q.probes == 0 }

// TakesCommand reports whether a command may be sent now.
func (q *Queue) TakesCommand() bool { return q.Idle() || q.Overdue() }

// Overdue reports whether it is time for a probe.
func (q *Queue) Overdue() bool { return q.queued && q.Silent >= q.probeAt }
