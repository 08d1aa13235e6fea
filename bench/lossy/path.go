package lossy

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Path says what happens to the datagrams of one direction. The zero value
// passes them on at once.
type Path struct {
	Loss      float64       // probability that a datagram is lost
	Duplicate float64       // probability that a datagram that is not lost arrives twice
	Reorder   float64       // probability that a copy is held back by up to Jitter
	Delay     time.Duration // one-way delay of every datagram
	Jitter    time.Duration // largest extra delay of a reordered copy
}

func (p Path) validate() error {
	for _, probability := range []float64{p.Loss, p.Duplicate, p.Reorder} {
		if !(probability >= 0 && probability <= 1) {
			return fmt.Errorf("probability %v: want 0 to 1", probability)
		}
	}
	if p.Delay < 0 || p.Jitter < 0 {
		return fmt.Errorf("delay %v, jitter %v: want 0 or more", p.Delay, p.Jitter)
	}
	return nil
}

// PathStats counts the datagrams of one direction:
// Delivered = Received - Lost + Duplicated - Dropped, once nothing is queued.
type PathStats struct {
	Received   uint64 // arrived at the link
	Lost       uint64 // lost on purpose
	Duplicated uint64 // extra copies made
	Reordered  uint64 // copies held back
	Dropped    uint64 // dropped because the queue was full or the socket refused
	Delivered  uint64 // handed to the receiver's socket
}

// dice draws the fate of datagrams and counts it.
type dice struct {
	path Path

	received, lost, duplicated, reordered, dropped, delivered atomic.Uint64

	mu  sync.Mutex // guards rnd: clients answer concurrently
	rnd *rand.Rand
}

// throw returns the delays of the copies to deliver: none for a lost datagram.
// The copies are in fate[:n].
func (d *dice) throw() (fate [2]time.Duration, n int) {
	d.received.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rnd.Float64() < d.path.Loss {
		d.lost.Add(1)
		return fate, 0
	}
	n = 1
	if d.rnd.Float64() < d.path.Duplicate {
		d.duplicated.Add(1)
		n = 2
	}
	for i := range fate[:n] {
		fate[i] = d.path.Delay + d.hold()
	}
	return fate, n
}

func (d *dice) hold() time.Duration {
	if d.path.Jitter == 0 || d.rnd.Float64() >= d.path.Reorder {
		return 0
	}
	d.reordered.Add(1)
	return time.Duration(1 + d.rnd.Int64N(int64(d.path.Jitter)))
}

// count books one attempt of delivery.
func (d *dice) count(err error) {
	if err != nil {
		d.dropped.Add(1)
		return
	}
	d.delivered.Add(1)
}

func (d *dice) stats() PathStats {
	return PathStats{
		Received:   d.received.Load(),
		Lost:       d.lost.Load(),
		Duplicated: d.duplicated.Load(),
		Reordered:  d.reordered.Load(),
		Dropped:    d.dropped.Load(),
		Delivered:  d.delivered.Load(),
	}
}
