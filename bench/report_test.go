package bench

import (
	"errors"
	"math"
	"testing"
	"time"
)

func values(all ...float64) (p []*float64) {
	for _, v := range all {
		p = append(p, &v)
	}
	return p
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []*float64
		want   string
	}{
		{nil, "-"},
		{values(3), "3.0"},
		{values(5, 1, 3), "3.0"},
		{values(4, 1, 2, 100), "3.0"},
		{append(values(1, 2), nil), "-"},
	} {
		if got := figure(median(test.values), 1); got != test.want {
			t.Errorf("median of %v is %s, want %s", test.values, got, test.want)
		}
	}
}

func TestRatio(t *testing.T) {
	one, two, zero := 1.0, 2.0, 0.0
	if r := ratio(&two, &one); r == nil || *r != 2 {
		t.Errorf("ratio of 2 and 1 is %s", figure(r, 1))
	}
	for _, unknown := range [][2]*float64{{nil, &one}, {&one, nil}, {&one, &zero}} {
		if r := ratio(unknown[0], unknown[1]); r != nil {
			t.Errorf("ratio %v, want none", *r)
		}
	}
}

// TestSummarize: medians of figures, sums of losses, and the median of ratios
// rather than the ratio of medians.
func TestSummarize(t *testing.T) {
	r := CoAP{Devices: 10, Duration: time.Second}.newReport()
	for _, run := range [][2]float64{{4, 2}, {9, 3}, {4, 4}} { // ratios 2, 3, 1
		r.Runs = append(r.Runs, Pair{
			Server: Sample{CPUUsPerBlock: &run[0], BlocksPerS: run[0], Lost: 2, Late: 1, answered: 2},
			Limit:  Sample{CPUUsPerBlock: &run[1], BlocksPerS: run[1], Lost: 1},
		})
	}
	r.summarize(1)
	if *r.CPUUsPerBlock != 4 || *r.LimitCPUUsPerBlock != 3 || *r.RatioCPU != 2 {
		t.Errorf("CPU %v, limit %v, ratio %v, want 4, 3, 2",
			*r.CPUUsPerBlock, *r.LimitCPUUsPerBlock, *r.RatioCPU)
	}
	if r.Lost != 6 || r.Late != 3 || r.LimitLost != 3 || r.EndpointsReached != 7 {
		t.Errorf("lost %d, late %d, limit lost %d, endpoints %d, want 6, 3, 3, 7",
			r.Lost, r.Late, r.LimitLost, r.EndpointsReached)
	}
	if r.AllocsPerBlock != nil {
		t.Errorf("%v allocations per block, but they are not known", *r.AllocsPerBlock)
	}
}

func TestValidate(t *testing.T) {
	coap := CoAP{
		Mode: ModeBlock, BlockSize: 64, Devices: 1, InFlight: 1, Duration: time.Second, Runs: 1, Size: 1,
	}
	link := Link{
		Mode: ModeBlock, BlockSizes: []int{64}, RTTs: []time.Duration{0}, Losses: []float64{0},
		Size: 1, Timeout: time.Second,
	}
	cache := Cache{Images: 1, Size: 16, Devices: 1, Lookups: 1}
	upstream := Upstream{Devices: 1, Size: 1, Chunk: 16}
	for _, right := range []error{
		coap.Validate(), link.Validate(), cache.Validate(), upstream.Validate(),
	} {
		if right != nil {
			t.Error(right)
		}
	}
	wrong := map[string]error{
		"mode":       with(coap, func(c *CoAP) { c.Mode = "x" }).Validate(),
		"block size": with(coap, func(c *CoAP) { c.BlockSize = 2048 }).Validate(),
		"devices":    with(coap, func(c *CoAP) { c.Devices = 0 }).Validate(),
		"endpoints":  with(coap, func(c *CoAP) { c.Endpoints = 1 << 21 }).Validate(),
		"in flight":  with(coap, func(c *CoAP) { c.InFlight = 0 }).Validate(),
		"duration":   with(coap, func(c *CoAP) { c.Duration = time.Hour }).Validate(),
		"runs":       with(coap, func(c *CoAP) { c.Runs = 0 }).Validate(),
		"size":       with(coap, func(c *CoAP) { c.Size = 0 }).Validate(),
		"PID alone":  with(coap, func(c *CoAP) { c.PID = 1 }).Validate(),
		"write to a URL": with(coap, func(c *CoAP) {
			c.Mode, c.URL = ModeWrite, "coap://127.0.0.1/fw"
		}).Validate(),
		"elsewhere":     with(coap, func(c *CoAP) { c.URL = "coap://192.0.2.1/fw" }).Validate(),
		"no path":       with(coap, func(c *CoAP) { c.URL = "coap://127.0.0.1" }).Validate(),
		"scheme":        with(coap, func(c *CoAP) { c.URL = "http://127.0.0.1/fw" }).Validate(),
		"link size":     with(link, func(l *Link) { l.BlockSizes = []int{100} }).Validate(),
		"link RTT":      with(link, func(l *Link) { l.RTTs = []time.Duration{-1} }).Validate(),
		"link loss":     with(link, func(l *Link) { l.Losses = []float64{0.5} }).Validate(),
		"no loss":       with(link, func(l *Link) { l.Losses = []float64{math.NaN()} }).Validate(),
		"no cells":      with(link, func(l *Link) { l.RTTs = nil }).Validate(),
		"link timeout":  with(link, func(l *Link) { l.Timeout = 0 }).Validate(),
		"cache memory":  with(cache, func(c *Cache) { c.Images, c.Size = 1000, 64<<20 }).Validate(),
		"cache images":  with(cache, func(c *Cache) { c.Images = 0 }).Validate(),
		"cache devices": with(cache, func(c *Cache) { c.Devices = 0 }).Validate(),
		"cache lookups": with(cache, func(c *Cache) { c.Lookups = 0 }).Validate(),
		"campaign":      with(upstream, func(u *Upstream) { u.Devices = 0 }).Validate(),
		"chunk":         with(upstream, func(u *Upstream) { u.Chunk = 2048 }).Validate(),
		"odd chunk":     with(upstream, func(u *Upstream) { u.Chunk = 18 }).Validate(),
		"no firmware":   with(upstream, func(u *Upstream) { u.Size = 0 }).Validate(),
		"many chunks":   with(upstream, func(u *Upstream) { u.Devices, u.Size = 1000, 64<<20 }).Validate(),
	}
	for name, err := range wrong {
		if !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v, want ErrUsage", name, err)
		}
	}
}

// with returns v with a change.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}
