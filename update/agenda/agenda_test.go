package agenda_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"havn/update/agenda"
)

// thing is an item with a name.
type thing struct {
	name  string
	place agenda.Place[thing]
}

func (t *thing) Place() *agenda.Place[thing] { return &t.place }

type things = agenda.Agenda[thing, *thing]

// Items come when they are due, the urgent ones first, and each once.
func TestAgenda(t *testing.T) {
	var a things
	put := func(name string, at uint32) *thing {
		item := &thing{name: name}
		a.Put(item, at)
		return item
	}
	expect := func(from, until uint32, want ...string) {
		t.Helper()
		var got []string
		for _, item := range a.Take(from, until, 10) {
			got = append(got, item.name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("from %d until %d: %q, want %q", from, until, got, want)
		}
	}
	put("far", 1000)
	put("ten", 10)
	put("nine", 9)
	put("soon", agenda.Soon)
	moved := put("moved", 5)
	once := put("at once", agenda.Urgently)
	a.Put(moved, agenda.Soon)
	expect(agenda.Urgently, agenda.Urgently, "at once")
	a.PutBack(once)
	a.PutBack(moved) // is on the agenda
	expect(agenda.Urgently, 8, "soon", "moved", "at once")
	put("urgent", agenda.Urgently)
	expect(agenda.Soon, 9, "nine")
	expect(agenda.Urgently, agenda.Urgently, "urgent")
	put("late", 3)
	expect(agenda.Urgently, agenda.Soon, "late")
	expect(agenda.Urgently, 10, "ten")
	expect(agenda.Urgently, 62)
	expect(agenda.Urgently, 63, "far") // before its time: the ring goes no further
}

func TestHasten(t *testing.T) {
	var a things
	const n = 100
	for i := range n {
		a.Put(&thing{name: fmt.Sprint(i)}, agenda.From(time.Duration(i%3)*time.Second))
	}
	a.Hasten()
	if got := a.Len(); got != n {
		t.Errorf("%d items, want %d", got, n)
	}
	if got := len(a.Take(agenda.Urgently, agenda.Soon, n-1)); got != n-1 {
		t.Errorf("%d items taken, want %d", got, n-1)
	}
	if got := len(a.Take(agenda.Urgently, agenda.Soon, n)); got != 1 || a.Len() != 0 {
		t.Errorf("%d items taken, %d left", got, a.Len())
	}
}

// A time is due neither before From nor after Until.
func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		d           time.Duration
		from, until uint32
	}{
		{-time.Hour, agenda.Soon + 1, agenda.Soon + 1},
		{0, agenda.Soon + 1, agenda.Soon + 1},
		{time.Second, agenda.Soon + 2, agenda.Soon + 2},
		{1500 * time.Millisecond, agenda.Soon + 3, agenda.Soon + 2},
	} {
		if from, until := agenda.From(tt.d), agenda.Until(tt.d); from != tt.from || until != tt.until {
			t.Errorf("%v: from %d until %d, want %d and %d", tt.d, from, until, tt.from, tt.until)
		}
	}
}
