package clock

import (
	"time"
)

// Timing is how long a network server and its radio take. A zero field takes
// no time.
type Timing struct {
	Deduplication time.Duration // wait for copies of an uplink from other radio gateways
	Publish       time.Duration // from there to the event at the broker
	DownlinkWait  time.Duration // wait for the application's answer, from the event on
	EnqueueMin    time.Duration // from a command's arrival to its queue item, least ...
	EnqueueMax    time.Duration // ... and most
	DuplicateLock time.Duration // how long equal bytes are dropped (v3)
	TxAck         time.Duration // from a downlink's departure to its txack or error event

	RX1Delay time.Duration // from the uplink to RX1; 0 = as soon as the downlink is there
	RX2Gap   time.Duration // from RX1 to RX2

	ClassCInterval time.Duration // of the scheduler; 1 s when 0
	ClassCLock     time.Duration // between two downlinks of a device, and before the first
	ClassCListen   time.Duration // how long a class C device waits for an answer
}

// Measured is a real ChirpStack with its default configuration, and devices
// of the reference family.
func Measured() Timing {
	return Timing{
		Deduplication: 200 * time.Millisecond,
		Publish:       10 * time.Millisecond,
		DownlinkWait:  100 * time.Millisecond,
		EnqueueMin:    9 * time.Millisecond,
		EnqueueMax:    19 * time.Millisecond,
		DuplicateLock: 100 * time.Millisecond,
		TxAck:         20 * time.Millisecond,

		RX1Delay: time.Second,
		RX2Gap:   time.Second,

		ClassCInterval: time.Second,
		ClassCLock:     2 * time.Second,
		ClassCListen:   30 * time.Second,
	}
}

// Scaled returns the same course of events with all times multiplied by
// factor: 0.1 is ten times as fast.
func (t Timing) Scaled(factor float64) Timing {
	for _, d := range []*time.Duration{
		&t.Deduplication, &t.Publish, &t.DownlinkWait, &t.EnqueueMin, &t.EnqueueMax,
		&t.DuplicateLock, &t.TxAck, &t.RX1Delay, &t.RX2Gap,
		&t.ClassCInterval, &t.ClassCLock, &t.ClassCListen,
	} {
		*d = time.Duration(float64(*d) * factor)
	}
	return t
}

// Event is how long after an uplink its event leaves.
func (t Timing) Event() time.Duration { return t.Deduplication + t.Publish }

// Close is how long after an uplink a device without an answer stops to listen.
func (t Timing) Close(classC bool) time.Duration {
	if classC {
		return t.ClassCListen
	}
	return max(t.Event()+t.DownlinkWait, t.RX1Delay+t.RX2Gap)
}
