package queue

import "time"

// How long a downlink waits in the queue of a server that knows an expiry.
const (
	minPatience = 5 * time.Second // the clocks of server and gateway differ
	maxPatience = 24 * time.Hour
	oncePatient = time.Hour // of a device that was heard once
)

// pace is how often the device is heard.
type pace struct {
	last     time.Time     // when the last uplink came
	interval time.Duration // between the last two uplinks; 0 = not known
}

func (p *pace) uplink(now time.Time) {
	if !p.last.IsZero() {
		p.interval = now.Sub(p.last)
	}
	p.last = now
}

// patience returns how long a downlink waits: it may also ride the next window, but a
// downlink that starves must not block the queue for ever.
func (p *pace) patience() time.Duration {
	if p.interval <= 0 {
		return oncePatient
	}
	return min(max(p.interval+p.interval/2, minPatience), maxPatience)
}
