package clock

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// moment is a step that is due at a time.
type moment struct {
	due time.Time
	seq uint64 // keeps the order of moments that are due together
	do  func()
}

// moments is a heap, the earliest first.
type moments []moment

func (m moments) Len() int { return len(m) }
func (m moments) Less(i, j int) bool {
	if m[i].due.Equal(m[j].due) {
		return m[i].seq < m[j].seq
	}
	return m[i].due.Before(m[j].due)
}
func (m moments) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)   { *m = append(*m, x.(moment)) }
func (m *moments) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	(*m)[last] = moment{}
	*m = (*m)[:last]
	return x
}

// Timeline holds the moments to come. Any goroutine may add moments, and one goroutine runs
// them.
type Timeline struct {
	wake chan struct{} // 1 slot: the earliest moment has changed

	mu      sync.Mutex
	waiting moments
	seq     uint64
}

// NewTimeline returns a timeline without moments.
func NewTimeline() *Timeline { return &Timeline{wake: make(chan struct{}, 1)} }

// At adds a moment, in which do is called.
func (t *Timeline) At(due time.Time, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := moment{due: due, seq: t.seq, do: do}
	t.seq++
	heap.Push(&t.waiting, m)
	if t.waiting[0].seq == m.seq {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// next takes a moment that is due, or returns how long to wait for the next one: an hour if
// there are no moments.
func (t *Timeline) next() (do func(), wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := time.Until(t.waiting[0].due); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&t.waiting).(moment).do, 0
}

// Run calls step with each moment at its time until ctx ends.
func (t *Timeline) Run(ctx context.Context, step func(do func())) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		do, wait := t.next()
		if do != nil {
			step(do)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-t.wake:
		case <-timer.C:
		}
	}
}
