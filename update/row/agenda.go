package row

import (
	"sync"
	"time"
)

// Times of the agenda are whole seconds since the table was opened, by the monotonic
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
//
//	urgently ─► soon ─► │ now │ +1 s │ +2 s │ ... │ +63 s │ a ring of lists
type agenda struct {
	mu    sync.Mutex
	lists [firstTime + horizon]list
	now   uint32 // the first second that is not past
	rows  int    // on all lists
}

// list is rows in the order in which they came.
type list struct{ first, last *Row }

// from returns the first time of the agenda that is not before at.
func (t *Table) from(at time.Time) uint32 {
	return firstTime + uint32((max(at.Sub(t.started), 0)+time.Second-1)/time.Second)
}

// until returns the last time of the agenda that is not after at.
func (t *Table) until(at time.Time) uint32 {
	return firstTime + uint32(max(at.Sub(t.started), 0)/time.Second)
}

// put has the flusher look at a row at a time, wherever the row is now.
func (a *agenda) put(r *Row, at uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(r)
	a.append(r, a.listOf(at))
}

// listOf returns the number of the list for a time. A row whose time is beyond
// the horizon is looked at before, and put on the agenda once more.
func (a *agenda) listOf(at uint32) int {
	if at < firstTime || at < a.now {
		return int(min(at, soon))
	}
	return firstTime + int(min(at, a.now+horizon-1)%horizon)
}

func (a *agenda) append(r *Row, number int) {
	l := &a.lists[number]
	r.list, r.prev, r.next = uint8(number+1), l.last, nil
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
	a.rows++
}

func (a *agenda) remove(r *Row) {
	if r.list == 0 {
		return
	}
	l := &a.lists[r.list-1]
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
	r.list, r.prev, r.next = 0, nil, nil
	a.rows--
}

// take returns the rows of one step that are due between from and until, the most
// urgent first.
func (a *agenda) take(from, until uint32) (rows []*Row) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r := a.next(from, until); r != nil && len(rows) < stepRows; r = a.next(from, until) {
		a.remove(r)
		rows = append(rows, r)
	}
	return rows
}

// putBack makes a row that was taken due soon, unless it was put elsewhere
// meanwhile.
func (a *agenda) putBack(r *Row) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.list == 0 {
		a.append(r, soon)
	}
}

// next returns the row whose turn it is, nil if none is due then.
func (a *agenda) next(from, until uint32) *Row {
	for at := from; at <= min(until, soon); at++ {
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
			a.remove(r)
			a.append(r, soon)
		}
	}
}

// length returns how many rows are on the agenda.
func (a *agenda) length() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows
}
