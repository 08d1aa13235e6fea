package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"havn/firmware"
)

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
