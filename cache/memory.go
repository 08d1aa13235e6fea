package cache

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"havn/firmware"
)

// pin is an image in use.
type pin struct {
	digest firmware.Digest // here too, so that a search stays in one array
	img    *firmware.Image
	since  time.Time
}

// used returns when the image was last served or pinned, whichever was later.
func (p pin) used() time.Time {
	if served := p.img.Served(); served.After(p.since) {
		return served
	}
	return p.since
}

// pins are sorted by digest and never changed. A writer replaces the whole slice:
// readers need no lock.
type pins []pin

// search returns the index of the first digest that is not below prefix. prefix is
// at most as long as a digest.
func (p pins) search(prefix []byte) int {
	return sort.Search(len(p), func(i int) bool {
		return bytes.Compare(p[i].digest[:len(prefix)], prefix) >= 0
	})
}

func (p pins) get(d firmware.Digest) *firmware.Image {
	if i := p.search(d[:]); i < len(p) && p[i].digest == d {
		return p[i].img
	}
	return nil
}

// find returns the image whose digest starts with prefix, nil where no digest or
// more than one does.
func (p pins) find(prefix []byte) *firmware.Image {
	starts := func(i int) bool {
		return i < len(p) && bytes.HasPrefix(p[i].digest[:], prefix)
	}
	if i := p.search(prefix); starts(i) && !starts(i+1) {
		return p[i].img
	}
	return nil
}

func (p pins) without(gone []pin) pins {
	digests := make(map[firmware.Digest]bool, len(gone))
	for _, pin := range gone {
		digests[pin.digest] = true
	}
	return slices.DeleteFunc(slices.Clone(p), func(pin pin) bool { return digests[pin.digest] })
}

// memory is the memory tier. The sum of pinned, reading and the budget of warm is
// always budget. Only load and warm.get may be called without Cache.mu.
type memory struct {
	budget  int64
	current atomic.Pointer[pins]
	warm    *warm

	pinned  int64 // bytes of all pins
	reading int64 // bytes reserved for images on their way in
}

func newMemory(budget int64) (*memory, error) {
	w, err := newWarm(budget)
	if err != nil {
		return nil, fmt.Errorf("cache.memory: %w", err)
	}
	m := &memory{budget: budget, warm: w}
	m.current.Store(&pins{})
	return m, nil
}

func (m *memory) load() pins { return *m.current.Load() }

// reserve makes room for size bytes. It returns the pins that had to go.
func (m *memory) reserve(size int64) []pin {
	need := m.pinned + m.reading + size - m.budget
	m.reading += size
	return m.release(m.leastRecent(need))
}

// cancel gives a reservation back.
func (m *memory) cancel(size int64) {
	m.reading -= size
	m.resize()
}

// pin puts img, for which room is reserved, in use. It returns the image that is
// pinned under the digest, which may be an earlier one.
func (m *memory) pin(img *firmware.Image, now time.Time) *firmware.Image {
	p := m.load()
	if held := p.get(img.Digest); held != nil {
		m.cancel(int64(img.Size()))
		return held
	}
	m.warm.drop(img.Digest)
	at := p.search(img.Digest[:])
	added := slices.Insert(slices.Clone(p), at, pin{digest: img.Digest, img: img, since: now})
	m.current.Store(&added)
	m.pinned += int64(img.Size())
	m.cancel(int64(img.Size()))
	return img
}

// promote pins a warm image, unless other pins would have to go. There may be no
// room left: ristretto may have dropped the image since the image was read.
func (m *memory) promote(img *firmware.Image, now time.Time) bool {
	size := int64(img.Size())
	if m.load().get(img.Digest) != nil || m.pinned+m.reading+size > m.budget {
		return false
	}
	m.warm.drop(img.Digest) // first: the pin takes the room of the warm image
	m.reserve(size)
	m.pin(img, now)
	return true
}

// release moves pins to warm, which keeps the images it has room for, and returns
// the pins.
func (m *memory) release(gone []pin) []pin {
	kept := m.load().without(gone)
	m.current.Store(&kept)
	for _, pin := range gone {
		m.pinned -= int64(pin.img.Size())
	}
	m.resize()
	m.warm.put(gone)
	return gone
}

// stale returns the pins from which nobody was served after then.
func (m *memory) stale(then time.Time) []pin {
	var stale []pin
	for _, pin := range m.load() {
		if !pin.used().After(then) {
			stale = append(stale, pin)
		}
	}
	return stale
}

// leastRecent returns the pins least recently used that together free need bytes.
func (m *memory) leastRecent(need int64) []pin {
	if need <= 0 {
		return nil
	}
	byUse := slices.Clone(m.load())
	for i := range byUse {
		byUse[i].since = byUse[i].used() // served moves while we sort
	}
	slices.SortFunc(byUse, func(a, b pin) int { return a.since.Compare(b.since) })
	n := 0
	for ; n < len(byUse) && need > 0; n++ {
		need -= int64(byUse[n].img.Size())
	}
	return byUse[:n]
}

func (m *memory) resize() { m.warm.resize(m.budget - m.pinned - m.reading) }
