package lorawan

import (
	"slices"
	"time"

	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/queue"
)

// forget is how long a limit holds that was learned of a device. The operator of the
// network may change the limit; to learn it again costs one window.
const forget = 24 * time.Hour

// device is what the handler knows of one device.
type device struct {
	key   deviceKey
	name  string // as the gateway calls it
	queue queue.Queue
	last  event.Uplink // without its payload

	updating bool // the engine's Command to the last Status is a Write or a Swap

	heard  bool
	fCnt   uint32 // of the last uplink
	older  uint32 // of the last uplink that was rejected as a replay
	replay int    // rejected uplinks in a row, each with a higher frame counter

	starved time.Time // until when downlinks leave room for MAC commands
	limits  []learned
}

// learned is a limit that the network server has enforced.
type learned struct {
	dr    int // of the uplink
	bytes int
	until time.Time
}

// replays is how many replays in a row, each with a higher frame counter than the one
// before, are taken for a new session whose join was missed.
const replays = 3

// accept notes the frame counter of an uplink. It returns false and the reason if the
// uplink must not be answered.
func (d *device) accept(fCnt uint32) (front.Reason, bool) {
	switch {
	case !d.heard || fCnt > d.fCnt:
	case fCnt == d.fCnt:
		return Duplicate, false
	case fCnt > 1 && !d.countsUp(fCnt):
		return Replayed, false
	}
	d.heard, d.fCnt, d.older, d.replay = true, fCnt, 0, 0
	return front.None, true
}

// opened notes an uplink, and so the window after it.
func (d *device) opened(up *event.Uplink, now time.Time) {
	d.last = *up
	d.last.Payload = nil
	d.queue.Passed(now)
}

// countsUp counts the replays that may be a new session.
func (d *device) countsUp(fCnt uint32) bool {
	if fCnt <= d.older {
		d.replay = 0
	}
	d.older = fCnt
	d.replay++
	return d.replay >= replays
}

// joined begins a session: the frame counter starts over, and the queue is empty. A
// server that keeps the queue (The Things Stack) has it replaced by the next answer.
func (d *device) joined() {
	d.heard = false
	d.queue.Flushed()
}

// limit returns the most bytes of a downlink after an uplink at dr, where the region
// allows most.
func (d *device) limit(dr, most int, now time.Time) int {
	d.limits = slices.DeleteFunc(d.limits, func(l learned) bool { return now.After(l.until) })
	for _, l := range d.limits {
		if l.dr == dr {
			most = min(most, l.bytes)
		}
	}
	return most
}

// learn notes a limit for downlinks after an uplink at the data rate of the last one.
func (d *device) learn(bytes int, now time.Time) {
	d.limits = slices.DeleteFunc(d.limits, func(l learned) bool { return l.dr == d.last.DR })
	d.limits = append(d.limits, learned{dr: d.last.DR, bytes: bytes, until: now.Add(forget)})
}

// starving reports whether downlinks leave room for MAC commands.
func (d *device) starving(now time.Time) bool { return now.Before(d.starved) }
