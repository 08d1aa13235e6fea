package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"havn/firmware"
)

// TestRandomWorkload checks all that must always hold after each of many
// random steps.
func TestRandomWorkload(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorkload(t, seed)
			for range 300 {
				w.step(t)
				w.check(t)
				if t.Failed() {
					return
				}
			}
		})
	}
}

type workload struct {
	*house
	rand   *rand.Rand
	images []firmware.Metadata
	data   map[firmware.Digest][]byte
	used   map[firmware.Digest]time.Time // of files, as a device saw it
	kept   map[firmware.Digest]time.Time // retained until
}

func newWorkload(t *testing.T, seed uint64) *workload {
	w := &workload{
		house: newHouse(t),
		rand:  rand.New(rand.NewPCG(seed, 0)),
		data:  map[firmware.Digest][]byte{},
		used:  map[firmware.Digest]time.Time{},
		kept:  map[firmware.Digest]time.Time{},
	}
	for i := range 24 {
		data := content(i, 8+w.rand.IntN(2*kib))
		m := w.source.add(data)
		w.images, w.data[m.Digest] = append(w.images, m), data
	}
	return w
}

func (w *workload) step(t *testing.T) {
	m := w.images[w.rand.IntN(len(w.images))]
	switch w.rand.IntN(12) {
	case 0:
		w.clock.advance(time.Duration(w.rand.IntN(40)) * time.Minute)
	case 1:
		w.sweep()
	case 2:
		if w.onDisk(m.Digest) {
			until := w.clock.Now().Add(time.Duration(w.rand.IntN(120)) * time.Minute)
			w.Retain(m.Digest, until)
			if until.After(w.kept[m.Digest]) {
				w.kept[m.Digest] = until
			}
		}
	case 3:
		var err error
		if w.rand.IntN(2) == 0 {
			err = errAway
		}
		w.source.away(err)
	case 4, 5, 6:
		if img := w.Get(m.Digest); img != nil {
			w.serve(t, img)
		}
		w.drainWarmed()
	case 7:
		if w.rand.IntN(8) == 0 {
			clear(w.kept) // forgotten at a restart, by design
			w.writeTimes(0)
			w.restart(t)
		}
	default:
		w.loadOne(t, m)
	}
	w.clock.advance(time.Second)
}

func (w *workload) drainWarmed() {
	for {
		select {
		case img := <-w.warmed:
			w.pinAgain(img)
		default:
			return
		}
	}
}

var errAway = errors.New("source away")

func (w *workload) loadOne(t *testing.T, m firmware.Metadata) {
	had := w.onDisk(m.Digest)
	img, err := w.Load(t.Context(), m)
	switch {
	case err == nil:
		w.serve(t, img)
	case had:
		t.Errorf("on disk, but: %v", err)
	case !errors.Is(err, errAway) && !errors.Is(err, firmware.ErrNoRoom):
		t.Error(err)
	}
}

func (w *workload) serve(t *testing.T, img *firmware.Image) {
	if !bytes.Equal(img.Bytes(), w.data[img.Digest]) {
		t.Errorf("image %s has other bytes", img.Digest)
	}
	img.Touch(w.clock.Now())
	if w.onDisk(img.Digest) {
		w.used[img.Digest] = w.clock.Now()
	}
}

func (w *workload) check(t *testing.T) {
	w.checkMemory(t)
	w.checkDisk(t)
	now := w.clock.Now()
	for d, used := range w.used {
		if now.Sub(used) < w.cfg.Lease && !w.onDisk(d) {
			t.Errorf("image %s was evicted %s after it was served", d, now.Sub(used))
		}
	}
	for d, until := range w.kept {
		if until.After(now) && !w.onDisk(d) {
			t.Errorf("image %s was evicted %s too early", d, until.Sub(now))
		}
	}
}

// TestConcurrentWorkload is for the race detector; the budgets must hold too.
func TestConcurrentWorkload(t *testing.T) {
	h := newHouse(t)
	var images []firmware.Metadata
	for i := range 12 {
		images = append(images, h.source.add(content(i, 512+64*i)))
	}
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(i, 1))
			for range 200 {
				m := images[r.IntN(len(images))]
				if img := h.Get(m.Digest); img != nil {
					img.Touch(h.clock.Now())
				}
				_, err := h.Load(t.Context(), m)
				if err != nil && !errors.Is(err, firmware.ErrNoRoom) {
					t.Error(err)
				}
				h.anything(r, m.Digest)
				h.checkMemory(t)
			}
		})
	}
	wg.Wait()
	h.checkDisk(t)
	if h.memory.reading != 0 || len(h.flights) != 0 {
		t.Errorf("left over: %d bytes, %d flights", h.memory.reading, len(h.flights))
	}
}

func (h *house) anything(r *rand.Rand, d firmware.Digest) {
	switch r.IntN(6) {
	case 0:
		h.sweep()
	case 1:
		h.clock.advance(10 * time.Minute)
	case 2:
		h.Retain(d, h.clock.Now().Add(time.Minute))
	case 3:
		h.Stats()
		h.Images()
	case 4:
		h.Find(d[:8])
	case 5:
		select {
		case img := <-h.warmed:
			h.pinAgain(img)
		default:
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, pinned := range []int{1, 16, 1024} {
		h := newHouse(b)
		h.Close()
		h.open(b, Config{})
		var digests []firmware.Digest
		for i := range pinned {
			digests = append(digests, h.load(b, h.source.add(content(i, 64))).Digest)
		}
		get := func(b *testing.B, next func(i int) firmware.Digest) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Get(next(i))
			}
		}
		hit := func(i int) firmware.Digest { return digests[i%pinned] }
		b.Run(fmt.Sprintf("hit/pinned=%d", pinned), func(b *testing.B) { get(b, hit) })
		b.Run(fmt.Sprintf("miss/pinned=%d", pinned), func(b *testing.B) {
			get(b, func(int) firmware.Digest { return firmware.Digest{} })
		})
		b.Run(fmt.Sprintf("find/pinned=%d", pinned), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Find(digests[i%pinned][:8])
			}
		})
		h.evictMemory(b)
		b.Run(fmt.Sprintf("warm/pinned=%d", pinned), func(b *testing.B) { get(b, hit) })
		h.Close()
	}
}

func BenchmarkGetParallel(b *testing.B) {
	h := newHouse(b)
	d := h.load(b, h.source.add(content(1, kib))).Digest
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h.Get(d)
		}
	})
}
