package lossy

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// packet is a datagram that waits for its time.
type packet struct {
	due  time.Time
	seq  uint64 // keeps the order of packets that are due together
	data []byte
	to   *client
	down bool // to the client, else to the server
}

// packets is a heap, the earliest first.
type packets []packet

func (p packets) Len() int { return len(p) }
func (p packets) Less(i, j int) bool {
	if p[i].due.Equal(p[j].due) {
		return p[i].seq < p[j].seq
	}
	return p[i].due.Before(p[j].due)
}
func (p packets) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *packets) Push(x any)   { *p = append(*p, x.(packet)) }
func (p *packets) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	(*p)[last] = packet{}
	*p = (*p)[:last]
	return x
}

// queue holds delayed packets. Anyone pushes, one goroutine runs it.
type queue struct {
	limit int
	wake  chan struct{} // 1 slot: the earliest packet has changed

	mu      sync.Mutex
	waiting packets
	seq     uint64
}

// push queues p and reports whether there was room.
func (q *queue) push(p packet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= q.limit {
		return false
	}
	p.seq = q.seq
	q.seq++
	heap.Push(&q.waiting, p)
	if q.waiting[0].seq == p.seq {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// next takes a packet that is due, or tells how long to wait for one: at most
// an hour, when nothing is queued.
func (q *queue) next() (packet, time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return packet{}, time.Hour, false
	}
	if wait := time.Until(q.waiting[0].due); wait > 0 {
		return packet{}, wait, false
	}
	return heap.Pop(&q.waiting).(packet), 0, true
}

// run delivers packets at their time until ctx ends.
func (q *queue) run(ctx context.Context, deliver func(packet)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		p, wait, due := q.next()
		if due {
			deliver(p)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-timer.C:
		}
	}
}
