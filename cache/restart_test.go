package cache

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/cache/disk"
	"havn/firmware"
	"havn/link"
)

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

func TestInvariant8PauseOfTheSource(t *testing.T) {
	h := newHouse(t)
	m := h.source.add(content(1, kib))
	h.source.away(link.WithPause(errors.New("429"), http.Header{"Retry-After": {"900"}}, time.Now()))
	if _, err := h.Load(t.Context(), m); link.Pause(err) != 15*time.Minute {
		t.Fatalf("%v, want the pause of the source in it", err)
	}
	h.source.away(nil)
	h.clock.advance(15*time.Minute - time.Second)
	if _, err := h.Load(t.Context(), m); err == nil || h.source.count(m.Digest) != 1 {
		t.Errorf("asked within the pause: %v", err)
	}
	h.clock.advance(time.Second)
	h.load(t, m)
}

func TestInvariant8TableIsBounded(t *testing.T) {
	f := failures{first: time.Second, table: map[firmware.Digest]*failure{}}
	now := time.Now()
	for i := range maxFailures + 10 {
		d := metadata(content(i, 8)).Digest
		f.note(d, errors.New("away"), now.Add(time.Duration(i)*time.Minute))
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
	f, err := h.disk.Begin() // killed here: nothing discards it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content(2, kib/2)); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(h.disk.Dir(), "README")
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
	onFile := func(room int, sync error) func(string) (disk.File, error) {
		return func(dir string) (disk.File, error) {
			f, err := os.CreateTemp(dir, "fetch-*.tmp")
			return &limited{f, room, sync}, err
		}
	}
	tests := []struct {
		name   string
		create func(dir string) (disk.File, error)
	}{
		{"no file", func(string) (disk.File, error) { return nil, syscall.EROFS }},
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
			h.disk.Create = func() (disk.File, error) { return test.create(h.disk.Dir()) }
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
	h.disk.Create = func() (disk.File, error) { return nil, syscall.ENOSPC }
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
