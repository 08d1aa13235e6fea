package cache

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

	"havn/bench"
	"havn/bench/report"
	"havn/cache"
	"havn/firmware"
)

// Benchmark measures the image cache: a hit in memory, a load from disk, a load
// from the source, and that many devices that ask at once cause one fetch.
type Benchmark struct {
	Images  int // in the cache
	Size    int // bytes of each
	Devices int // that ask at once for a new image
	Lookups int // hits that are timed
}

// Bounds of a Benchmark.
const (
	maxImages  = 10_000
	minCached  = 16      // bytes of an image
	maxCached  = 1 << 30 // bytes of all images
	maxAsking  = 1_000_000
	maxLookups = 1_000_000_000
)

// Validate reports what makes no sense.
func (c Benchmark) Validate() error {
	switch {
	case c.Images < 1 || c.Images > maxImages:
		return fmt.Errorf("%w: %d images: want 1 to %d", bench.ErrUsage, c.Images, maxImages)
	case c.Size < minCached || c.Size > maxCached/(c.Images+1):
		return fmt.Errorf("%w: %d images of %d bytes: want at least %d bytes each, at most %d in all",
			bench.ErrUsage, c.Images, c.Size, minCached, maxCached)
	case c.Devices < 1 || c.Devices > maxAsking:
		return fmt.Errorf("%w: %d devices: want 1 to %d", bench.ErrUsage, c.Devices, maxAsking)
	case c.Lookups < 1 || c.Lookups > maxLookups:
		return fmt.Errorf("%w: %d lookups: want 1 to %d", bench.ErrUsage, c.Lookups, maxLookups)
	}
	return nil
}

// Run measures. It fails with bench.ErrFetches where fetches are not shared.
func (c Benchmark) Run(ctx context.Context) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	src := newSource(c.Images+1, c.Size)
	r := &Report{Header: report.NewHeader(), Images: c.Images, Size: c.Size, Devices: c.Devices}
	if err := c.fill(ctx, dir, src, r); err != nil {
		return nil, err
	}
	err = c.restart(ctx, dir, src, r)
	return r, err
}

func (c Benchmark) open(dir string, src *source) (*cache.Cache, error) {
	all := firmware.Size((c.Images + 1) * c.Size)
	return cache.New(cache.Config{Dir: dir, Memory: 2 * all, Disk: 2 * all}, src, time.Now,
		slog.New(slog.DiscardHandler))
}

// fill measures misses, which the source answers, and then hits.
func (c Benchmark) fill(ctx context.Context, dir string, src *source, r *Report) error {
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
func (c Benchmark) restart(ctx context.Context, dir string, src *source, r *Report) error {
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
		err = fmt.Errorf("%w: %d devices, %d fetches", bench.ErrFetches, c.Devices, r.CoalescedFetches)
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
	before, start := allocations(), time.Now()
	for i := range n {
		if held.Get(images[i%len(images)].Digest) == nil {
			return 0, 0, errors.New("an image just loaded is not in memory")
		}
	}
	took := time.Since(start)
	allocs = float64(allocations()-before) / float64(n)
	return float64(took.Nanoseconds()) / float64(n), allocs, nil
}

// allocations returns how many objects this process has allocated so far.
func allocations() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// coalesce lets all devices ask for the last image at once. It returns the
// milliseconds until all of them had it.
func (c Benchmark) coalesce(ctx context.Context, held *cache.Cache, src *source) (float64, error) {
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
		image := bench.Firmware(size)
		binary.BigEndian.PutUint32(image, uint32(i)) // no two are the same
		m := firmware.Metadata{
			Version: fmt.Sprint(i), Digest: sha256.Sum256(image), Size: uint32(size),
			Origin: firmware.Origin{Kind: "file", Repository: bench.Application},
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
