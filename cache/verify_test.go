package cache

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
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
			if got := h.Stats().Fetches[Fetch{"container", ResultDigest}]; got != 1 {
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
		if got := h.Stats().Fetches[Fetch{"container", ResultCancelled}]; got != 1 {
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
