package cache

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"havn/firmware"
)

func TestInvariant3MemoryBudget(t *testing.T) {
	h := newHouse(t)
	_, err := h.Load(t.Context(), h.source.add(content(1, 4*kib+1)))
	wantErr(t, err, firmware.ErrTooLarge)
	for i := range 7 {
		h.load(t, h.source.add(content(i, kib)))
		h.clock.advance(time.Second)
		h.checkMemory(t)
	}
	if got := h.Stats().Bytes.Memory; got != uint64(4*kib) {
		t.Errorf("%d bytes in memory, want all of the budget", got)
	}
	h.clock.advance(time.Hour)                    // so that the disk has room
	h.load(t, h.source.add(content(99, 4*kib-1))) // all others must go
	h.checkMemory(t)
	if got := h.Stats().Bytes.Memory; got != uint64(4*kib-1) {
		t.Errorf("%d bytes in memory, want one image", got)
	}
}

// checkMemory compares the books with what is really held.

func (h *house) checkMemory(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var pinned, warm int64
	for _, pin := range h.memory.load() {
		pinned += int64(pin.img.Size())
	}
	for _, img := range h.memory.warm.images() {
		warm += int64(img.Size())
	}
	budget := h.memory.warm.cache.MaxCost()
	switch m := h.memory; {
	case pinned != m.pinned:
		t.Errorf("%d bytes pinned, %d in the books", pinned, m.pinned)
	case pinned+m.reading+budget > m.budget:
		t.Errorf("pinned %d + reading %d + ristretto's budget %d > %d",
			pinned, m.reading, budget, m.budget)
	case warm > budget:
		t.Errorf("ristretto holds %d of %d", warm, budget)
	}
}

func TestInvariant4DiskBudget(t *testing.T) {
	h := newHouse(t)
	h.Close()
	h.open(t, Config{Memory: 64 * firmware.KiB, Disk: 8 * firmware.KiB, Lease: time.Hour})
	large := h.source.add(content(1, 8*kib+1))
	_, err := h.Load(t.Context(), large)
	wantErr(t, err, firmware.ErrTooLarge)
	if h.source.count(large.Digest) != 0 {
		t.Error("refused only after the download")
	}
	var all []firmware.Metadata
	for i := range 9 {
		all = append(all, h.source.add(content(i, kib)))
		h.load(t, all[i])
		h.checkDisk(t)
		h.clock.advance(time.Hour)
	}
	if h.onDisk(all[0].Digest) || !h.onDisk(all[1].Digest) {
		t.Error("not the least recently used file was evicted")
	}
}

// A download counts from its beginning: two at once cannot share room.

func TestInvariant4DownloadsCount(t *testing.T) {
	h := newHouse(t)
	h.Close()
	h.open(t, Config{Memory: 8 * firmware.KiB, Disk: 8 * firmware.KiB})
	h.source.entered, h.source.release = make(chan struct{}), make(chan struct{})
	a, b := h.source.add(content(1, 5*kib)), h.source.add(content(2, 5*kib))
	done := make(chan error)
	go func() {
		_, err := h.Load(t.Context(), a)
		done <- err
	}()
	<-h.source.entered
	_, err := h.Load(t.Context(), b)
	wantErr(t, err, firmware.ErrNoRoom)
	h.source.release <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
	h.checkDisk(t)
}

func (h *house) checkDisk(t testing.TB) {
	t.Helper()
	var bytes int64
	for _, name := range h.names(t) {
		info, err := os.Stat(filepath.Join(h.disk.Dir(), name))
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if books := h.Stats().Bytes.Disk; uint64(bytes) != books || bytes > int64(h.cfg.Disk) {
		t.Errorf("%d bytes on disk, %d in the books, budget %d", bytes, books, h.cfg.Disk)
	}
}

// A budget that was lowered holds again as soon as leases allow.

func TestInvariant4LoweredBudget(t *testing.T) {
	h := newHouse(t)
	for i := range 8 {
		h.load(t, h.source.add(content(i, kib)))
	}
	h.Close()
	h.open(t, Config{Memory: 4 * firmware.KiB, Disk: 2 * firmware.KiB, Lease: time.Hour})
	h.sweep()
	if got := len(h.names(t)); got != 8 {
		t.Errorf("%d files, want all 8: they are leased", got)
	}
	h.clock.advance(time.Hour)
	h.sweep()
	h.checkDisk(t)
	if h.logs.Len() != 0 {
		t.Errorf("logged: %s", h.logs)
	}
}
