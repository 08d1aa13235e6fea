package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"havn/cache"
	"havn/firmware"
)

// Cache measures the image cache: a hit in memory, a load from disk, a load
// from the source, and that many devices that ask at once cause one fetch.
type Cache struct {
	Images  int // in the cache
	Size    int // bytes of each
	Devices int // that ask at once for a new image
	Lookups int // hits that are timed
}

// ErrFetches: devices that asked at once caused more than one fetch, or none.
var ErrFetches = errors.New("devices that asked at once did not share one fetch")

// Bounds of Cache.
const (
	maxImages  = 10_000
	minCached  = 16      // bytes of an image
	maxCached  = 1 << 30 // bytes of all images
	maxAsking  = 1_000_000
	maxLookups = 1_000_000_000
)

// Validate reports what makes no sense.
func (c Cache) Validate() error {
	switch {
	case c.Images < 1 || c.Images > maxImages:
		return fmt.Errorf("%w: %d images: want 1 to %d", ErrUsage, c.Images, maxImages)
	case c.Size < minCached || c.Size > maxCached/(c.Images+1):
		return fmt.Errorf("%w: %d images of %d bytes: want at least %d bytes each, at most %d in all",
			ErrUsage, c.Images, c.Size, minCached, maxCached)
	case c.Devices < 1 || c.Devices > maxAsking:
		return fmt.Errorf("%w: %d devices: want 1 to %d", ErrUsage, c.Devices, maxAsking)
	case c.Lookups < 1 || c.Lookups > maxLookups:
		return fmt.Errorf("%w: %d lookups: want 1 to %d", ErrUsage, c.Lookups, maxLookups)
	}
	return nil
}

// Run measures. It fails with ErrFetches where fetches are not shared.
func (c Cache) Run(ctx context.Context) (*CacheReport, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	src := newSource(c.Images+1, c.Size)
	r := &CacheReport{Header: newHeader(), Images: c.Images, Size: c.Size, Devices: c.Devices}
	if err := c.fill(ctx, dir, src, r); err != nil {
		return nil, err
	}
	err = c.restart(ctx, dir, src, r)
	return r, err
}

func (c Cache) open(dir string, src *source) (*cache.Cache, error) {
	all := firmware.Size((c.Images + 1) * c.Size)
	return cache.New(cache.Config{Dir: dir, Memory: 2 * all, Disk: 2 * all}, src, time.Now,
		slog.New(slog.DiscardHandler))
}

// fill measures misses, which the source answers, and then hits.
func (c Cache) fill(ctx context.Context, dir string, src *source, r *CacheReport) error {
	held, err := c.open(dir, src)
	if err != nil {
		return err
	}
	defer held.Close()
	images := src.images[:c.Images]
	if r.MissUs, err = timeLoads(ctx, held, images); err != nil {
		return err
	}
	r.HitNs, r.AllocsPerHit, err = timeHits(held, images, c.Lookups)
	return err
}

// restart measures loads from disk, and then coalescing: one image more, that
// nobody has asked for yet.
func (c Cache) restart(ctx context.Context, dir string, src *source, r *CacheReport) error {
	held, err := c.open(dir, src)
	if err != nil {
		return err
	}
	defer held.Close()
	before := src.fetches.Load()
	if r.DiskUs, err = timeLoads(ctx, held, src.images[:c.Images]); err != nil {
		return err
	}
	if n := src.fetches.Load() - before; n > 0 {
		return fmt.Errorf("%d images on disk were fetched again", n)
	}
	r.CoalescedMs, err = c.coalesce(ctx, held, src)
	r.CoalescedFetches = src.fetches.Load() - before
	if err == nil && r.CoalescedFetches != 1 {
		err = fmt.Errorf("%w: %d devices, %d fetches", ErrFetches, c.Devices, r.CoalescedFetches)
	}
	return err
}

// timeLoads returns the mean time of a Load, in microseconds.
func timeLoads(
	ctx context.Context, held *cache.Cache, images []firmware.Metadata,
) (float64, error) {
	start := time.Now()
	for _, m := range images {
		if _, err := held.Load(ctx, m); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds() * 1e6 / float64(len(images)), nil
}

// timeHits returns the mean time of a Get in nanoseconds, and what it allocates.
func timeHits(
	held *cache.Cache, images []firmware.Metadata, n int,
) (ns, allocs float64, err error) {
	sample := []metrics.Sample{{Name: countAllocations}}
	metrics.Read(sample)
	before, start := sample[0].Value.Uint64(), time.Now()
	for i := range n {
		if held.Get(images[i%len(images)].Digest) == nil {
			return 0, 0, errors.New("an image just loaded is not in memory")
		}
	}
	took := time.Since(start)
	metrics.Read(sample)
	allocs = float64(sample[0].Value.Uint64()-before) / float64(n)
	return float64(took.Nanoseconds()) / float64(n), allocs, nil
}

// coalesce lets all devices ask for the last image at once. It returns the
// milliseconds until all of them had it.
func (c Cache) coalesce(ctx context.Context, held *cache.Cache, src *source) (float64, error) {
	var asking sync.WaitGroup
	asking.Add(c.Devices)
	src.hold = asking.Wait // the source answers no sooner than the last device asks
	errs := make(chan error, c.Devices)
	start := time.Now()
	for range c.Devices {
		go func() {
			asking.Done()
			_, err := held.Load(ctx, src.images[c.Images])
			errs <- err
		}()
	}
	var failed error
	for range c.Devices {
		failed = errors.Join(failed, <-errs)
	}
	return time.Since(start).Seconds() * 1e3, failed
}

// source is a cache.Fetcher with made-up images in memory.
type source struct {
	images  []firmware.Metadata
	data    map[firmware.Digest][]byte
	fetches atomic.Uint64
	hold    func() // called in every fetch; set while there is none
}

func newSource(images, size int) *source {
	s := &source{data: map[firmware.Digest][]byte{}, hold: func() {}}
	for i := range images {
		image := madeUp(size)
		binary.BigEndian.PutUint32(image, uint32(i)) // no two are the same
		m := firmware.Metadata{
			Version: fmt.Sprint(i), Digest: sha256.Sum256(image), Size: uint32(size),
			Origin: firmware.Origin{Kind: firmware.KindFile, Repository: application},
		}
		s.images, s.data[m.Digest] = append(s.images, m), image
	}
	return s
}

// Fetch implements cache.Fetcher.
func (s *source) Fetch(_ context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	s.fetches.Add(1)
	s.hold()
	return io.NopCloser(bytes.NewReader(s.data[m.Digest])), nil
}
