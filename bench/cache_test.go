package bench

import (
	"errors"
	"testing"
)

func TestCache(t *testing.T) {
	c := Cache{Images: 3, Size: 10_000, Devices: 1000, Lookups: 1000}
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
		if _, ok := shape(t, r)[field].(float64); !ok {
			t.Errorf("no %s in JSON", field)
		}
	}
	render(t, r, "1000 devices at once, 1 fetch")
}

// TestCacheNoticesFetches: a cache that holds less than it should, and one that
// holds more.
func TestCacheNoticesFetches(t *testing.T) {
	c := Cache{Images: 1, Size: 100, Devices: 10, Lookups: 1}
	dir, src := t.TempDir(), newSource(2, 100)
	r := &CacheReport{}
	// Nothing is on disk: the loads of a restart are fetches.
	if err := c.restart(t.Context(), dir, src, r); err == nil || errors.Is(err, ErrFetches) {
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
	if err := c.restart(t.Context(), dir, src, r); !errors.Is(err, ErrFetches) {
		t.Errorf("%v, want ErrFetches", err)
	}
}
