// Package agenda is when to look at which of very many items: each of them is on
// the agenda once at most, and carries its place itself.
//
// It stands between the rows of package row and their flusher:
//
//	Urgently ─► Soon ─► │ now │ +1 s │ +2 s │ ... │ +63 s │ a ring of lists
//
// Invariants:
//   - Put, PutBack and Take cost the same for any number of items, and allocate
//     nothing for them.
//   - Items of one time are taken in the order in which they came.
//   - An item that is due later than the ring reaches is taken at its end: whoever
//     takes it puts it on the agenda once more.
//
// Times are whole seconds since the beginning, by a clock that never goes back.
package agenda

import (
	"sync"
	"time"
)

// Times are seconds since the beginning, after two that are always past.
const (
	Urgently = iota // before all others
	Soon            // as soon as somebody looks
	first
	Never = 1<<32 - 1
)

// horizon is how many seconds ahead the agenda keeps apart, a power of two.
const horizon = 64

// From returns the first time that is not before d after the beginning.
func From(d time.Duration) uint32 { return first + uint32((max(d, 0)+time.Second-1)/time.Second) }

// Until returns the last time that is not after d after the beginning.
func Until(d time.Duration) uint32 { return first + uint32(max(d, 0)/time.Second) }

// Place is where an item is on an agenda. Its zero value is nowhere. The agenda
// guards it.
type Place[T any] struct {
	list       uint8 // counted from 1; 0: none
	prev, next *T
}

// Item is a pointer to a T that carries its place.
type Item[T any] interface {
	*T
	Place() *Place[T]
}

// Agenda is items by the time when to look at them. Its zero value is empty. Its
// methods may be called concurrently.
type Agenda[T any, P Item[T]] struct {
	mu    sync.Mutex
	lists [first + horizon]list[T]
	now   uint32 // the first second that is not past
	items int    // on all lists
}

// list is items in the order in which they came.
type list[T any] struct{ first, last *T }

// Put enters an item at a time, wherever it was before.
func (a *Agenda[T, P]) Put(item *T, at uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(item)
	a.append(item, a.listOf(at))
}

// PutBack makes an item that was taken due soon, unless it was put elsewhere
// meanwhile.
func (a *Agenda[T, P]) PutBack(item *T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if P(item).Place().list == 0 {
		a.append(item, Soon)
	}
}

// Take removes up to n items that are due between from and until, and returns
// them, the most urgent first.
func (a *Agenda[T, P]) Take(from, until uint32, n int) (items []*T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for item := a.due(from, until); item != nil && len(items) < n; item = a.due(from, until) {
		a.remove(item)
		items = append(items, item)
	}
	return items
}

// Hasten makes all items due.
func (a *Agenda[T, P]) Hasten() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := first; i < len(a.lists); i++ {
		for item := a.lists[i].first; item != nil; item = a.lists[i].first {
			a.remove(item)
			a.append(item, Soon)
		}
	}
}

// Len returns how many items are on the agenda.
func (a *Agenda[T, P]) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.items
}

// listOf returns the number of the list for a time.
func (a *Agenda[T, P]) listOf(at uint32) int {
	if at < first || at < a.now {
		return int(min(at, Soon))
	}
	return first + int(min(at, a.now+horizon-1)%horizon)
}

func (a *Agenda[T, P]) append(item *T, number int) {
	l := &a.lists[number]
	*P(item).Place() = Place[T]{list: uint8(number + 1), prev: l.last}
	if l.last == nil {
		l.first = item
	} else {
		P(l.last).Place().next = item
	}
	l.last = item
	a.items++
}

func (a *Agenda[T, P]) remove(item *T) {
	at := P(item).Place()
	if at.list == 0 {
		return
	}
	l := &a.lists[at.list-1]
	if at.prev == nil {
		l.first = at.next
	} else {
		P(at.prev).Place().next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		P(at.next).Place().prev = at.prev
	}
	*at = Place[T]{}
	a.items--
}

// due returns the item whose turn it is, nil if none is due then.
func (a *Agenda[T, P]) due(from, until uint32) *T {
	for at := from; at <= min(until, Soon); at++ {
		if item := a.lists[at].first; item != nil {
			return item
		}
	}
	for ; a.now <= until; a.now++ {
		if item := a.lists[first+a.now%horizon].first; item != nil {
			return item
		}
	}
	return nil
}
