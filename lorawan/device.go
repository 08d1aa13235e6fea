package lorawan

import (
	"slices"
	"time"

	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/queue"
)

// forget is how long what was learned about a device holds: a network's
// operator may have changed it, and to learn it again costs one window.
const forget = 24 * time.Hour

// device is what the handler knows of one device.
type device struct {
	key   deviceKey
	name  string // as the gateway calls it
	queue queue.Queue
	last  event.Uplink // without its payload

	updating bool // its last Status was about an update under way

	heard  bool
	fCnt   uint32 // of the last uplink
	older  uint32 // of the last uplink that was taken for a replay
	replay int    // of how many in a row that counted up

	seen     time.Time     // when the last uplink came
	interval time.Duration // between the last two

	starved time.Time // until when room is left for MAC commands
	limits  []learned
}

// learned is a limit that the network server has enforced.
type learned struct {
	dr    int // of the uplink
	bytes int
	until time.Time
}

// replays is how many uplinks in a row, each with a higher frame counter than
// the one before, are a new session whose join was missed.
const replays = 3

// accept notes an uplink's frame counter. It reports false, and why, for an
// uplink that must not be answered.
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

// opened notes the window after an uplink.
func (d *device) opened(up *event.Uplink, now time.Time) {
	if !d.seen.IsZero() {
		d.interval = now.Sub(d.seen)
	}
	d.seen, d.last = now, *up
	d.last.Payload = nil
	d.queue.Passed()
}

// How long a downlink waits in the queue of a server that knows an expiry.
const (
	minPatience = 5 * time.Second // clocks differ
	maxPatience = 24 * time.Hour
	patience    = time.Hour // of a device heard once
)

// patience returns the expiry of a downlink: it may ride the next window, too,
// but what starves there must not block the queue for ever.
func (d *device) patience() time.Duration {
	if d.interval <= 0 {
		return patience
	}
	return min(max(d.interval+d.interval/2, minPatience), maxPatience)
}

// fresh returns until when a downlink cannot have expired, if the clocks agree.
func (d *device) fresh(now time.Time) time.Time { return now.Add(d.patience() / 2) }

func (d *device) countsUp(fCnt uint32) bool {
	if fCnt <= d.older {
		d.replay = 0
	}
	d.older = fCnt
	d.replay++
	return d.replay >= replays
}

// joined begins a session: frame counters start over, the queue is empty.
func (d *device) joined() {
	d.heard = false
	d.queue.Flushed()
}

// limit returns the most bytes of a downlink after an uplink at dr, of which
// the region allows most.
func (d *device) limit(dr, most int, now time.Time) int {
	d.limits = slices.DeleteFunc(d.limits, func(l learned) bool { return now.After(l.until) })
	for _, l := range d.limits {
		if l.dr == dr {
			most = min(most, l.bytes)
		}
	}
	return most
}

// learn notes a limit for downlinks after an uplink like the last one.
func (d *device) learn(bytes int, now time.Time) {
	d.limits = slices.DeleteFunc(d.limits, func(l learned) bool { return l.dr == d.last.DR })
	d.limits = append(d.limits, learned{dr: d.last.DR, bytes: bytes, until: now.Add(forget)})
}

// starving reports whether MAC commands are known to need a share of the
// device's downlinks.
func (d *device) starving(now time.Time) bool { return now.Before(d.starved) }
