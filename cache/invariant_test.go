package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"havn/gateway/firmware"
)

func TestInvariant1ValueHashesToDigest(t *testing.T) {
	good := content(1, kib)
	tests := []struct {
		name string
		sent []byte
	}{
		{"other bytes", content(2, kib)},
		{"truncated", good[:kib-1]},
		{"one byte more", append(bytes.Clone(good), 0)},
		{"empty", nil},
		{"endless", make([]byte, 64*kib)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			m := metadata(good)
			h.source.offer(m.Digest, test.sent)
			img, err := h.Load(t.Context(), m)
			wantErr(t, err, firmware.ErrDigest)
			if img != nil || h.Get(m.Digest) != nil || h.names(t) != nil {
				t.Fatalf("kept %v in memory, %q on disk", img, h.names(t))
			}
			if got := h.Stats().Fetches[Fetch{firmware.KindContainer, ResultDigest}]; got != 1 {
				t.Errorf("counted %d times, want 1", got)
			}
			if used := h.Stats().Bytes; used != (Tiers{}) {
				t.Errorf("still reserved: %+v", used)
			}
		})
	}
}

func TestInvariant1DamagedFileIsFetchedAgain(t *testing.T) {
	good := content(1, kib)
	tests := []struct {
		name   string
		damage func(file string) error
	}{
		{"truncated", func(f string) error { return os.Truncate(f, 10) }},
		{"corrupt", func(f string) error { return os.WriteFile(f, content(2, kib), 0o600) }},
		{"longer", func(f string) error { return os.WriteFile(f, append(good, 0), 0o600) }},
		{"gone", os.Remove},
		{"unreadable", func(f string) error { return errors.Join(os.Remove(f), os.Symlink(f, f)) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			m := h.source.add(good)
			h.load(t, m)
			h.Close() // empties the warm tier
			h.evictMemory(t)
			if err := test.damage(h.file(m.Digest)); err != nil {
				t.Fatal(err)
			}
			if img := h.load(t, m); !bytes.Equal(img.Bytes(), good) {
				t.Error("other bytes came back")
			}
			if got := h.source.count(m.Digest); got != 2 {
				t.Errorf("%d fetches, want 2", got)
			}
			if s := h.Stats(); s.Corrupt != 1 || s.Bytes.Disk != uint64(kib) {
				t.Errorf("got %+v", s)
			}
			if !strings.Contains(h.logs.String(), m.Digest.Hex()) {
				t.Errorf("log does not name the image: %s", h.logs)
			}
			if got, err := os.ReadFile(h.file(m.Digest)); err != nil || !bytes.Equal(got, good) {
				t.Errorf("file was not replaced: %v", err)
			}
		})
	}
}

// evictMemory releases all pins.
func (h *house) evictMemory(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noteReleased(h.memory.release(h.memory.load()))
}

// Metadata that gives the wrong size must not cost others the good file.
func TestInvariant1WrongSizeInMetadata(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	wrong := m
	wrong.Size--
	h.load(t, m)
	_, err := h.Load(t.Context(), wrong)
	wantErr(t, err, firmware.ErrInvalid)
	h.restart(t)
	_, err = h.Load(t.Context(), wrong)
	wantErr(t, err, firmware.ErrInvalid)
	h.load(t, m)
	if got := h.source.count(m.Digest); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

func TestInvariant2OneFetchPerDigest(t *testing.T) {
	const callers = 1000
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.source.entered, h.source.release = make(chan struct{}), make(chan struct{})
	images := make([]*firmware.Image, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			img, err := h.Load(t.Context(), m)
			if err != nil {
				t.Error(err)
			}
			images[i] = img
		})
	}
	<-h.source.entered
	close(h.source.release)
	wg.Wait()
	if got := h.source.count(m.Digest); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	for _, img := range images {
		if img == nil || img != images[0] {
			t.Fatal("callers got different images")
		}
	}
}

func TestInvariant2FetchGoesOnWhenTheFirstGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := h.source.add(content(1, kib))
		h.source.entered, h.source.release = make(chan struct{}), make(chan struct{})
		first, giveUp := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		load := func(ctx context.Context) {
			_, err := h.Load(ctx, m)
			errs <- err
		}
		go load(first)
		<-h.source.entered
		go load(t.Context())
		synctest.Wait() // the second waits for the first
		giveUp()
		wantErr(t, <-errs, context.Canceled)
		<-h.source.entered // the second fetches
		h.source.release <- struct{}{}
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if got := h.Stats().Fetches[Fetch{firmware.KindContainer, ResultCancelled}]; got != 1 {
			t.Errorf("%d cancelled fetches, want 1", got)
		}
		h.Close()
	})
}

func TestInvariant2WaiterMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := h.source.add(content(1, kib))
		h.source.entered, h.source.release = make(chan struct{}), make(chan struct{})
		done := make(chan error)
		go func() {
			_, err := h.Load(t.Context(), m)
			done <- err
		}()
		<-h.source.entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Load(ctx, m)
		wantErr(t, err, context.DeadlineExceeded)
		h.source.release <- struct{}{}
		if err := <-done; err != nil {
			t.Errorf("the fetch ended with its waiter: %v", err)
		}
		h.Close()
	})
}

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
		t.Errorf("pinned %d + reading %d + ristretto's budget %d > %d", pinned, m.reading, budget, m.budget)
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
		info, err := os.Stat(filepath.Join(h.disk.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if books := h.Stats().Bytes.Disk; uint64(bytes) != books || bytes > h.disk.budget {
		t.Errorf("%d bytes on disk, %d in the books, budget %d", bytes, books, h.disk.budget)
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

func TestInvariant7GetAllocatesNothing(t *testing.T) {
	h := newHouse(t)
	pinned := h.load(t, h.source.add(content(1, kib))).Digest
	var unknown firmware.Digest
	check := func(name string, f func()) {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	check("pinned", func() { h.Get(pinned) })
	check("find", func() { h.Find(pinned[:8]) })
	h.mu.Lock() // held by whoever loads
	h.Get(pinned)
	h.Find(pinned[:8])
	h.Get(unknown)
	h.mu.Unlock()
	if raceEnabled {
		return // sync.Pool, which ristretto uses, drops at random under the detector
	}
	check("miss", func() { h.Get(unknown) })
	h.evictMemory(t)
	if h.Get(pinned) == nil || h.Find(pinned[:]) != nil {
		t.Fatal("not warm")
	}
	check("warm", func() { h.Get(pinned) })
}

func TestInvariant8FailedSourceIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	away := errors.New("connection refused")
	h.source.away(away)
	_, err := h.Load(t.Context(), m)
	wantErr(t, err, away)
	var longest time.Duration
	for tries := 1; tries < 20; tries++ {
		before := h.clock.Now()
		for h.source.count(m.Digest) == tries {
			h.clock.advance(time.Second)
			_, err := h.Load(t.Context(), m)
			wantErr(t, err, away)
		}
		longest = h.clock.Now().Sub(before)
		if tries == 1 && (longest < 2*time.Second || longest > 8*time.Second) {
			t.Errorf("first retry after %s, want about %s", longest, DefaultRetry)
		}
	}
	if longest < maxRetry/2 || longest > maxRetry*3/2+time.Second {
		t.Errorf("waits grew to %s, want about %s", longest, maxRetry)
	}
	h.source.away(nil)
	h.clock.advance(2 * maxRetry)
	h.load(t, m)
	if len(h.failures.table) != 0 {
		t.Error("a success does not clear the failure")
	}
}

func TestInvariant8TableIsBounded(t *testing.T) {
	f := failures{first: time.Second, table: map[firmware.Digest]*failure{}}
	now := time.Now()
	for i := range maxFailures + 10 {
		f.note(metadata(content(i, 8)).Digest, errors.New("away"), now.Add(time.Duration(i)*time.Minute))
	}
	if len(f.table) != maxFailures {
		t.Errorf("%d failures kept, want %d", len(f.table), maxFailures)
	}
	if f.table[metadata(content(0, 8)).Digest] != nil {
		t.Error("the failure due first was kept")
	}
	f.sweep(now.Add(maxFailures * time.Hour))
	if len(f.table) != 0 {
		t.Errorf("%d failures never forgotten", len(f.table))
	}
}

func TestInvariant9RestartWithoutSource(t *testing.T) {
	h := newHouse(t)
	var all []firmware.Metadata
	for i := range 3 {
		all = append(all, h.source.add(content(i, kib)))
		h.load(t, all[i])
		h.clock.advance(time.Minute)
	}
	h.Get(all[0].Digest).Touch(h.clock.Now())
	h.writeTimes(0)
	want := h.Images()
	h.source.away(errors.New("no route to host"))
	h.restart(t)
	got := h.Images()
	for i := range got {
		want[i].Memory, want[i].Pinned = false, false
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	for _, m := range all {
		h.load(t, m)
	}
}

func TestInvariant9BrokenDownloadIsCleanedUp(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.load(t, m)
	f, err := h.disk.create() // killed here: nothing discards it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content(2, kib/2)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	foreign := filepath.Join(h.disk.dir, "README")
	if err := os.WriteFile(foreign, []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	if diff := cmp.Diff([]string{m.Digest.Hex(), "README"}, h.names(t)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := h.Stats().Bytes.Disk; got != uint64(kib) {
		t.Errorf("%d bytes counted, want %d", got, kib)
	}
}

// A file from the future would be leased until then.
func TestInvariant9ClockWasAhead(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.load(t, m)
	future := h.clock.Now().Add(1000 * time.Hour)
	if err := os.Chtimes(h.file(m.Digest), future, future); err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	if got := h.Images()[0].Used; !got.Equal(h.clock.Now()) {
		t.Errorf("used %s, want now", got)
	}
}

// limited is a file on a disk with little room.
type limited struct {
	*os.File
	room int
	sync error
}

func (f *limited) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:min(len(p), f.room)])
	f.room -= n
	if n < len(p) && err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *limited) Sync() error { return f.sync }

func TestInvariant10FullDisk(t *testing.T) {
	data := bytes.Repeat([]byte("firmware"), 100_000/8) // several reads of io.Copy
	onFile := func(room int, sync error) func(*disk) (temporary, error) {
		return func(d *disk) (temporary, error) {
			f, err := os.CreateTemp(d.dir, temporaryPrefix+"*"+temporarySuffix)
			return &limited{f, room, sync}, err
		}
	}
	tests := []struct {
		name   string
		create func(*disk) (temporary, error)
	}{
		{"no file", func(*disk) (temporary, error) { return nil, syscall.EROFS }},
		{"no byte", onFile(0, nil)},
		{"half", onFile(len(data)/2, nil)},
		{"all but one", onFile(len(data)-1, nil)},
		{"sync", onFile(len(data), syscall.EIO)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			h.Close()
			h.open(t, Config{Memory: firmware.MiB, Disk: firmware.MiB})
			h.disk.create = func() (temporary, error) { return test.create(h.disk) }
			m := h.source.add(data)
			if img := h.load(t, m); !bytes.Equal(img.Bytes(), data) {
				t.Error("other bytes came back")
			}
			if h.Get(m.Digest) == nil || h.source.count(m.Digest) != 1 {
				t.Error("not served from memory after one fetch")
			}
			if names := h.names(t); names != nil {
				t.Errorf("left behind: %q", names)
			}
			h.load(t, h.source.add(append(data, 1)))
			if s := h.Stats(); s.Bytes.Disk != 0 || s.Refused != 2 {
				t.Errorf("got %+v", s)
			}
			if n := strings.Count(h.logs.String(), "refuses writes"); n != 1 {
				t.Errorf("logged %d times:\n%s", n, h.logs)
			}
		})
	}
}

// What a full disk did not take is verified all the same.
func TestInvariant10FullDiskWrongDigest(t *testing.T) {
	h := newHouse(t)
	h.disk.create = func() (temporary, error) { return nil, syscall.ENOSPC }
	for i, sent := range [][]byte{content(2, kib), content(1, kib-1), content(1, kib+1)} {
		m := metadata(content(1, kib))
		m.Digest[0] ^= byte(i) // a digest of its own, so that no backoff answers
		h.source.offer(m.Digest, sent)
		_, err := h.Load(t.Context(), m)
		wantErr(t, err, firmware.ErrDigest)
	}
	h.checkMemory(t)
	if h.memory.reading != 0 {
		t.Errorf("%d bytes still reserved", h.memory.reading)
	}
}

func TestInvariant11NothingRunsAfterRun(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	h := newHouse(t)
	h.cfg.Lease = 4 * time.Second // sweeps each second
	m := h.source.add(content(1, kib))
	h.load(t, m)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	var calls sync.WaitGroup
	var running atomic.Bool
	running.Store(true)
	for i := range 4 {
		calls.Go(func() {
			for n := 0; running.Load(); n++ {
				h.Get(m.Digest)
				h.Get(firmware.Digest{byte(n)})
				if _, err := h.Load(t.Context(), h.source.add(content(i, kib+n%8))); err != nil &&
					!errors.Is(err, firmware.ErrNoRoom) {
					t.Error(err)
				}
			}
		})
	}
	h.load(t, m)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	running.Store(false)
	calls.Wait()
	h.load(t, m)
	h.Close() // twice is once
	goleak.VerifyNone(t, leaks)
}

// Run pins again, releases and writes mtimes on its own.
func TestInvariant11RunKeepsTheBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.Cache.clock = time.Now // the clock of the bubble, as Run's ticker has
		m := h.source.add(content(1, kib))
		h.load(t, m)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(h.cfg.Lease + 2*maxSweep)
		synctest.Wait()
		if h.Find(m.Digest[:]) != nil {
			t.Error("pin not released after its lease")
		}
		img := h.Get(m.Digest)
		if img == nil {
			t.Fatal("not warm")
		}
		served := time.Now()
		img.Touch(served)
		synctest.Wait()
		if h.Find(m.Digest[:]) != img {
			t.Error("not pinned again")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		info, err := os.Stat(h.file(m.Digest))
		if err != nil || !info.ModTime().Equal(served) {
			t.Errorf("mtime %v (%v), want %v", info.ModTime(), err, served)
		}
	})
}

func ExampleCache() {
	dir, _ := os.MkdirTemp("", "cache")
	defer os.RemoveAll(dir)
	source := newSource()
	m := source.add([]byte("firmware of a blinking light"))

	images, _ := New(Config{Dir: dir}, source, time.Now, nil)
	defer images.Close()
	fmt.Println("on the device path:", images.Get(m.Digest) != nil)
	img, _ := images.Load(context.Background(), m)
	fmt.Printf("behind it: %s\n", img.Slice(0, 8))
	fmt.Println("from now on:", images.Get(m.Digest) == img)
	// Output:
	// on the device path: false
	// behind it: firmware
	// from now on: true
}
