package update

import (
	"sync"
	"time"
)

// Times of the agenda are whole seconds since the engine started, by the monotonic
// clock, after two that are always past.
const (
	urgently = iota // before all others
	soon            // at the next flush
	firstTime
	never = 1<<32 - 1
)

// horizon is how many seconds ahead the agenda keeps apart, a power of two.
const horizon = 64

// agenda is when the flusher looks at which rows: each row is on it once at most.
// It is a ring of lists, one for each second.
//
//	urgent ─► soon ─► │ now │ +1 s │ +2 s │ ... │ +63 s │
type agenda struct {
	mu    sync.Mutex
	lists [firstTime + horizon]list
	now   uint32 // the first second that is not past
	rows  int    // on all lists
}

type list struct{ first, last *Row }

// place is where a row is on the agenda.
type place struct {
	prev, next *Row
	list       *list // nil: nowhere
}

// time returns the time of the agenda that is not before t.
func (e *Engine) time(t time.Time) uint32 {
	since := max(t.Sub(e.started), 0)
	return firstTime + uint32((since+time.Second-1)/time.Second)
}

// put has the flusher look at a row at a time, wherever the row is now.
func (a *agenda) put(r *Row, at uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(r)
	l := &a.lists[min(at, soon)]
	if at = min(at, a.now+horizon-1); at >= a.now && at >= firstTime {
		l = &a.lists[firstTime+at%horizon]
	}
	l.append(r)
	a.rows++
}

func (a *agenda) remove(r *Row) {
	if r.list != nil {
		r.list.remove(r)
		a.rows--
	}
}

// take returns the rows that are due until then, the most urgent first: those of
// one step.
func (a *agenda) take(until uint32) (rows []*Row) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r := a.next(until); r != nil && len(rows) < stepRows; r = a.next(until) {
		a.remove(r)
		rows = append(rows, r)
	}
	return rows
}

// next returns the row whose turn it is, nil if none is due until then.
func (a *agenda) next(until uint32) *Row {
	for at := range min(until+1, firstTime) {
		if r := a.lists[at].first; r != nil {
			return r
		}
	}
	for ; a.now <= until; a.now++ {
		if r := a.lists[firstTime+a.now%horizon].first; r != nil {
			return r
		}
	}
	return nil
}

// hasten makes all rows due.
func (a *agenda) hasten() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := firstTime; i < len(a.lists); i++ {
		for r := a.lists[i].first; r != nil; r = a.lists[i].first {
			a.lists[i].remove(r)
			a.lists[soon].append(r)
		}
	}
}

// length returns how many rows are on the agenda.
func (a *agenda) length() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows
}

func (l *list) append(r *Row) {
	r.place = place{prev: l.last, list: l}
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
}

func (l *list) remove(r *Row) {
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.place = place{}
}
