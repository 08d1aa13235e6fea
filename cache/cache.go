package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"havn/cache/disk"
	"havn/firmware"
)

const (
	// minPrefix is the shortest digest prefix that names an image, in bytes. An
	// ETag has as many.
	minPrefix = 8
	// maxSweep is the longest time a pin outlives its lease.
	maxSweep = time.Minute
	// warmedQueue is how many images may wait to be pinned again. An image that
	// finds the queue full stays warm, and is announced with its next hit.
	warmedQueue = 16
)

// Cache holds images by digest. Its methods may be called concurrently.
type Cache struct {
	cfg    Config
	source Fetcher
	clock  func() time.Time
	log    *slog.Logger

	memory *memory
	warmed chan *firmware.Image // hits of images that are not pinned, for Run
	reads  *semaphore.Weighted  // bytes that may be on their way into memory

	hits, misses, diskHits atomic.Uint64

	// mu guards the fields below, the index of disk, and memory except memory.load
	// and memory.warm.get. It is never held during a fetch, nor while a file is read
	// or written.
	mu       sync.Mutex
	disk     *disk.Tier
	flights  map[firmware.Digest]*flight
	failures failures
	retained map[firmware.Digest]time.Time
	counts   counts
	failing  bool // the disk refused the last write; logged once
}

// New indexes the directory of the disk tier and removes unfinished downloads
// from it. clock is time.Now, except in tests.
//
// The cache lives until Run or Close ends it: ristretto's goroutines start here.
func New(cfg Config, source Fetcher, clock func() time.Time, log *slog.Logger) (*Cache, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	files, err := disk.Open(cfg.Dir, int64(cfg.Disk), clock())
	if err != nil {
		return nil, err
	}
	memory, err := newMemory(int64(cfg.Memory))
	if err != nil {
		return nil, err
	}
	return &Cache{
		cfg: cfg, source: source, clock: clock, log: log,
		memory:   memory,
		warmed:   make(chan *firmware.Image, warmedQueue),
		reads:    semaphore.NewWeighted(int64(cfg.Memory)),
		disk:     files,
		flights:  map[firmware.Digest]*flight{},
		failures: failures{first: cfg.Retry, table: map[firmware.Digest]*failure{}},
		retained: map[firmware.Digest]time.Time{},
		counts:   counts{fetches: map[Fetch]uint64{}},
	}, nil
}

// Get returns an image from memory, nil on a miss. It does no I/O, and takes no
// lock for a pinned image. It does not renew the lease: whoever serves the image
// calls Image.Touch.
func (c *Cache) Get(d firmware.Digest) *firmware.Image {
	if img := c.memory.load().get(d); img != nil {
		c.hits.Add(1)
		return img
	}
	img := c.memory.warm.get(d)
	if img == nil {
		c.misses.Add(1)
		return nil
	}
	c.hits.Add(1)
	select {
	case c.warmed <- img:
	default:
	}
	return img
}

// Find returns the pinned image whose digest starts with prefix, of 8 to 32
// bytes. It returns nil if no image does, or more than one.
func (c *Cache) Find(prefix []byte) *firmware.Image {
	if len(prefix) < minPrefix || len(prefix) > len(firmware.Digest{}) {
		return nil
	}
	return c.memory.load().find(prefix)
}

// Retain keeps the file of an image on disk at least until then. It does nothing
// for an image that is neither held nor being loaded. A later time that was asked
// for before stays. A restart forgets all times.
func (c *Cache) Retain(d firmware.Digest, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held(d) && until.After(c.retained[d]) {
		c.retained[d] = until
	}
}

func (c *Cache) held(d firmware.Digest) bool {
	return c.disk.Has(d) || c.flights[d] != nil || c.memory.load().get(d) != nil
}

// Run keeps the books until ctx ends: it pins warm images that are used again,
// releases pins whose lease ran out, and writes to disk when images were last
// used. At its end it closes the cache and returns nil.
func (c *Cache) Run(ctx context.Context) error {
	defer c.Close()
	tick := time.NewTicker(c.sweepEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.writeTimes(0)
			return nil
		case img := <-c.warmed:
			c.pinAgain(img)
		case <-tick.C:
			c.sweep()
		}
	}
}

// sweepEvery is a quarter of the lease within a second and maxSweep.
func (c *Cache) sweepEvery() time.Duration {
	return max(min(c.cfg.Lease/4, maxSweep), time.Second)
}

// Close ends ristretto's goroutines. Only pinned images stay in memory. Calls under
// way, and later calls, are safe. Run calls Close at its end.
func (c *Cache) Close() { c.memory.warm.close() }

// pinAgain pins a warm image that was asked for.
func (c *Cache) pinAgain(img *firmware.Image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.promote(img, c.clock())
}

// sweep forgets failures and retentions that are over, and brings the disk within
// its budget and up to date.
func (c *Cache) sweep() {
	c.mu.Lock()
	now := c.clock()
	c.failures.sweep(now)
	for d, until := range c.retained {
		if !until.After(now) || !c.held(d) {
			delete(c.retained, d)
		}
	}
	err := c.disk.Shrink(0, c.mayEvict()) // the budget may be lower than at the last start
	c.mu.Unlock()
	if !errors.Is(err, firmware.ErrNoRoom) { // all files are in use: tried again later
		c.noteDisk(err)
	}
	// A quarter of a lease is exact enough, and spares the flash of the box.
	c.writeTimes(c.cfg.Lease / 4)
}

// mayEvict releases pins that are no longer in use, brings the index up to date,
// and returns which files may go. A leased or retained file may not, nor a file
// that a flight may be about to read or replace. c.mu is held.
func (c *Cache) mayEvict() func(disk.Entry) bool {
	now := c.clock()
	then := now.Add(-c.cfg.Lease)
	c.noteReleased(c.memory.release(c.memory.stale(then)))
	c.noteUse()
	return func(e disk.Entry) bool {
		return !e.Used.After(then) && !c.retained[e.Digest].After(now) &&
			c.flights[e.Digest] == nil
	}
}

// noteUse tells the index when images in memory were last used. c.mu is held.
func (c *Cache) noteUse() {
	c.noteReleased(c.memory.load())
	for _, img := range c.memory.warm.images() {
		c.disk.Touch(img.Digest, img.Served())
	}
}

func (c *Cache) noteReleased(pins []pin) {
	for _, pin := range pins {
		c.disk.Touch(pin.digest, pin.used())
	}
}

// writeTimes stores when images were last used, if the time on disk is older by
// more than age.
func (c *Cache) writeTimes(age time.Duration) {
	c.mu.Lock()
	c.noteUse()
	list := c.disk.Outdated(age)
	c.mu.Unlock()
	c.noteDisk(c.disk.WriteTimes(list))
}

// noteDisk logs trouble with the disk when it begins, not each time.
func (c *Cache) noteDisk(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	first := !c.failing
	c.failing = true
	c.counts.refused++
	c.mu.Unlock()
	if first {
		c.log.Warn("the cache's disk refuses writes; images it does not take are served from "+
			"memory only and fetched again after a restart: check space and rights",
			"directory", c.disk.Dir(), "error", err)
	}
}
