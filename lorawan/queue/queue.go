package queue

import (
	"bytes"
	"time"

	"havn/dfu"
	"havn/lorawan/event"
)

// maxHeld is for how many uplinks in a row an answer is held back before the
// server's queue is probed.
const maxHeld = 4

// Queue is the account of one device. Its zero value is that of an empty queue. It is
// not safe for concurrent use.
type Queue struct {
	Last    Item             // the newest downlink that is no probe
	Silent  int              // uplinks since the last sign of Last
	queued  bool             // Last may still be in the queue
	probeAt int              // value of Silent at which the next probe is sent
	probes  int              // probes that may still be in the queue, behind Last
	probe   event.DownlinkID // the newest probe
	owed    bool             // a downlink has left, and its txack may still come
	drained int              // uplinks that went by while only probes could be queued
	pace    pace
}

// Item is a downlink that was sent to the network server.
type Item struct {
	ID      event.DownlinkID
	Command bool // of the upstream; it has no Op
	Op      dfu.Op
	Version []byte    // of what is written or swapped to
	Offset  uint32    // of a Write
	Size    int       // bytes of payload
	Fresh   time.Time // until when it cannot have expired, if the clocks agree; Put sets it
}

// Passed notes an uplink: the server has used its window for what it could send.
func (q *Queue) Passed(now time.Time) {
	q.pace.uplink(now)
	if q.queued {
		q.Silent++
	}
}

// Expiry returns when a downlink that is sent now expires, where the server knows an
// expiry.
func (q *Queue) Expiry(now time.Time) time.Time { return now.Add(q.pace.patience()) }

// Put notes a downlink that was handed to the network server.
func (q *Queue) Put(it Item, now time.Time) {
	it.Fresh = now.Add(q.pace.patience() / 2)
	*q = Queue{Last: it, queued: true, owed: q.owed, probeAt: maxHeld + 1, pace: q.pace}
}

// PutProbe notes a probe. The next one comes after twice as long.
func (q *Queue) PutProbe(id event.DownlinkID) {
	q.probes++
	q.probe, q.drained = id, 0
	q.probeAt = 2*q.Silent - 1
}

// Sent notes a txack. A txack without an ID may be that of a downlink that was known to
// have left before.
func (q *Queue) Sent(id event.DownlinkID) {
	if q.owed && id == (event.DownlinkID{}) {
		q.owed = false
		return
	}
	q.Left(id)
}

// Left notes that a downlink has left the queue, and reports whether it was ours.
// Servers that do not name the downlink give the zero ID: then it was the first one in
// the queue.
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

// Kept notes that the network server still has the downlink that it could not send.
func (q *Queue) Kept(id event.DownlinkID) {
	switch {
	case q.queued && (id == (event.DownlinkID{}) || id == q.Last.ID):
		q.Silent, q.probeAt = 0, maxHeld+1
	case q.probes > 0:
		q.drained = 0
	}
}

// Flushed notes that the network server has dropped the queue, or that the next answer
// replaces it.
func (q *Queue) Flushed() { *q = Queue{pace: q.pace} }

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

// Free reports whether a downlink may be sent after this uplink, and is asked once for
// each uplink. A probe is so small that one leaves with each uplink.
func (q *Queue) Free() bool {
	if q.queued {
		return false
	}
	if q.drained < q.probes {
		q.drained++
		return false
	}
	q.owed = q.owed || q.probes > 0 // the last probe may have left without its txack yet
	q.probes = 0
	return true
}

// Idle reports whether the queue is empty, as far as can be told.
func (q *Queue) Idle() bool { return !q.queued && q.probes == 0 }

// TakesCommand reports whether a command may be sent now.
func (q *Queue) TakesCommand() bool { return q.Idle() || q.Overdue() }

// Overdue reports whether it is time for a probe.
func (q *Queue) Overdue() bool { return q.queued && q.Silent >= q.probeAt }
