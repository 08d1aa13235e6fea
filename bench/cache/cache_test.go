package cache

import (
	"errors"
	"testing"

	"havn/bench"
	"havn/bench/report/reporttest"
)

func TestCache(t *testing.T) {
	c := Benchmark{Images: 3, Size: 10_000, Devices: 1000, Lookups: 1000}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.CoalescedFetches != 1 {
		t.Errorf("%d devices caused %d fetches, want 1", c.Devices, r.CoalescedFetches)
	}
	for _, v := range []float64{r.HitNs, r.DiskUs, r.MissUs, r.CoalescedMs} {
		if !(v > 0) {
			t.Errorf("a figure is %v in %+v", v, r)
		}
	}
	for _, field := range []string{
		"hit_ns", "disk_us", "miss_us", "coalesced_fetches", "coalesced_ms",
	} {
		if _, ok := reporttest.Fields(t, r)[field].(float64); !ok {
			t.Errorf("no %s in JSON", field)
		}
	}
	reporttest.Render(t, r, "1000 devices at once, 1 fetch")
}

// TestCacheNoticesFetches: a cache that holds less than it should, and one that
// holds more.
func TestCacheNoticesFetches(t *testing.T) {
	c := Benchmark{Images: 1, Size: 100, Devices: 10, Lookups: 1}
	dir, src := t.TempDir(), newSource(2, 100)
	r := &Report{}
	// Nothing is on disk: the loads of a restart are fetches.
	if err := c.restart(t.Context(), dir, src, r); err == nil || errors.Is(err, bench.ErrFetches) {
		t.Errorf("%v, want that images on disk were fetched", err)
	}
	// The image that nobody has asked for is there already.
	held, err := c.open(dir, src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Load(t.Context(), src.images[1]); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if err := c.restart(t.Context(), dir, src, r); !errors.Is(err, bench.ErrFetches) {
		t.Errorf("%v, want ErrFetches", err)
	}
}

func TestValidate(t *testing.T) {
	right := Benchmark{Images: 1, Size: 16, Devices: 1, Lookups: 1}
	if err := right.Validate(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"cache memory":  with(right, func(c *Benchmark) { c.Images, c.Size = 1000, 64<<20 }).Validate(),
		"cache images":  with(right, func(c *Benchmark) { c.Images = 0 }).Validate(),
		"cache devices": with(right, func(c *Benchmark) { c.Devices = 0 }).Validate(),
		"cache lookups": with(right, func(c *Benchmark) { c.Lookups = 0 }).Validate(),
	} {
		if !errors.Is(err, bench.ErrUsage) {
			t.Errorf("%s: %v, want ErrUsage", name, err)
		}
	}
}

// with returns v with a change.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}
