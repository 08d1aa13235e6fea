package cache

import (
	"strings"
	"testing"
	"time"

	"havn/firmware"
)

func TestInvariant5LeasedAndRetainedStay(t *testing.T) {
	h := newHouse(t)
	var all []firmware.Metadata
	for i := range 8 {
		all = append(all, h.source.add(content(i, kib)))
		h.load(t, all[i])
	}
	extra := h.source.add(content(100, kib))
	_, err := h.Load(t.Context(), extra)
	wantErr(t, err, firmware.ErrNoRoom)
	if !strings.Contains(err.Error(), "cache.disk") {
		t.Errorf("no hint what to do: %v", err)
	}
	if h.source.count(extra.Digest) != 0 || len(h.names(t)) != 8 {
		t.Error("something was downloaded or removed")
	}

	// One image was served 30 minutes ago, one is retained; six may go.
	h.clock.advance(30 * time.Minute)
	h.load(t, all[0]).Touch(h.clock.Now())
	h.Retain(all[1].Digest, h.clock.Now().Add(24*time.Hour))
	h.Retain(all[1].Digest, h.clock.Now()) // never shortens
	h.Retain(firmware.Digest{}, h.clock.Now().Add(time.Hour))
	if len(h.retained) != 1 {
		t.Errorf("%d images retained, want 1", len(h.retained))
	}
	h.clock.advance(30 * time.Minute)
	for i := range 6 {
		h.load(t, h.source.add(content(100+i, kib)))
	}
	_, err = h.Load(t.Context(), h.source.add(content(200, kib)))
	wantErr(t, err, firmware.ErrNoRoom)
	if !h.onDisk(all[0].Digest) || !h.onDisk(all[1].Digest) {
		t.Error("a leased or retained image was evicted")
	}

	h.clock.advance(24 * time.Hour)
	h.sweep()
	if len(h.retained) != 0 {
		t.Error("a retention outlives its time")
	}
	for i := range 8 {
		h.load(t, h.source.add(content(300+i, kib)))
	}
	if h.onDisk(all[0].Digest) || h.onDisk(all[1].Digest) {
		t.Error("an image stays for ever")
	}
}

// A lease that was renewed in memory alone counts after memory gave way.

func TestInvariant5LeaseOutlivesPin(t *testing.T) {
	h := newHouse(t)
	var all []firmware.Metadata
	for i := range 5 {
		all = append(all, h.source.add(content(i, kib)))
		h.load(t, all[i])
		h.clock.advance(time.Second)
	}
	h.clock.advance(30 * time.Minute)
	h.load(t, all[0])
	h.clock.advance(15 * time.Minute)
	h.Get(all[0].Digest).Touch(h.clock.Now())
	h.clock.advance(time.Minute)
	for _, m := range all[1:] {
		h.load(t, m) // from disk: nothing else looks at leases
	}
	if h.Get(all[0].Digest) != nil {
		t.Fatal("still in memory")
	}
	h.clock.advance(50 * time.Minute) // 51 after it was served, 66 after it was loaded
	for i := range 3 {
		h.load(t, h.source.add(content(100+i, kib)))
	}
	_, err := h.Load(t.Context(), h.source.add(content(200, kib)))
	wantErr(t, err, firmware.ErrNoRoom)
	if !h.onDisk(all[0].Digest) {
		t.Error("a leased image was evicted")
	}
}

// A file that is being read or replaced is not removed from under the reader.

func TestInvariant5FileInFlightStays(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.load(t, m)
	h.clock.advance(2 * h.cfg.Lease)
	h.flights[m.Digest] = &flight{}
	for i := range 7 {
		h.load(t, h.source.add(content(100+i, kib)))
	}
	_, err := h.Load(t.Context(), h.source.add(content(200, kib)))
	wantErr(t, err, firmware.ErrNoRoom)
	if !h.onDisk(m.Digest) {
		t.Error("removed while it was loaded")
	}
}

func TestInvariant6MemoryGivesWay(t *testing.T) {
	h := newHouse(t)
	var all []firmware.Metadata
	for i := range 4 {
		all = append(all, h.source.add(content(i, kib)))
		h.load(t, all[i])
		h.clock.advance(time.Second)
	}
	h.Get(all[0].Digest).Touch(h.clock.Now())
	h.load(t, h.source.add(content(100, kib)))
	if h.Get(all[1].Digest) != nil || !h.onDisk(all[1].Digest) {
		t.Error("the image least recently served did not leave memory for disk")
	}
	if h.Get(all[0].Digest) == nil {
		t.Error("an image just served left memory")
	}
	if h.load(t, all[1]); h.source.count(all[1].Digest) != 1 {
		t.Error("fetched although it was on disk")
	}
}

func TestInvariant6StalePinsBecomeWarm(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.load(t, m)
	h.clock.advance(time.Hour)
	h.sweep()
	if h.Find(m.Digest[:]) != nil {
		t.Fatal("still pinned after its lease")
	}
	img := h.Get(m.Digest)
	if img == nil {
		t.Fatal("not warm, though there is room")
	}
	h.pinAgain(<-h.warmed) // as Run does
	h.pinAgain(img)        // announced twice
	if h.Find(m.Digest[:]) != img {
		t.Error("not pinned again")
	}
	h.checkMemory(t)
	h.clock.advance(time.Hour)
	h.sweep()
	if h.load(t, m); h.Find(m.Digest[:]) != img || h.Stats().Hits.Disk != 0 {
		t.Error("Load did not pin the warm image")
	}
	h.checkMemory(t)
}

// An image pinned again takes the place it had: no other has to go.

func TestInvariant6PinningAgainMovesNoOther(t *testing.T) {
	h := newHouse(t)
	a := h.load(t, h.source.add(content(1, 2*kib)))
	b := h.load(t, h.source.add(content(2, 2*kib)))
	a.Touch(h.clock.Now())
	h.evictMemory(t)
	h.pinAgain(a)
	if h.Find(a.Digest[:]) != a || h.Get(b.Digest) != b {
		t.Error("pinning one image cost the other")
	}
	h.checkMemory(t)
}

// Run may pin an image again that ristretto dropped, while a flight loads it.

func TestInvariant6PinnedWhileLoading(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	img := h.load(t, m)
	h.restart(t)
	if err := h.disk.Remove(m.Digest); err != nil {
		t.Fatal(err)
	}
	h.source.entered, h.source.release = make(chan struct{}), make(chan struct{})
	done := make(chan *firmware.Image)
	go func() {
		img, err := h.Load(t.Context(), m)
		if err != nil {
			t.Error(err)
		}
		done <- img
	}()
	<-h.source.entered
	h.pinAgain(img)
	h.source.release <- struct{}{}
	if <-done != img {
		t.Error("the image is held twice")
	}
	h.checkMemory(t)
	if h.memory.reading != 0 {
		t.Errorf("%d bytes still reserved", h.memory.reading)
	}
}
