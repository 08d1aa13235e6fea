package coap

import (
	"errors"
	"testing"
	"time"

	"havn/bench"
	"havn/bench/device"
)

// TestSummarize: medians of figures, sums of losses, and the median of ratios
// rather than the ratio of medians.
func TestSummarize(t *testing.T) {
	r := Benchmark{Devices: 10, Duration: time.Second}.newReport()
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
	right := Benchmark{
		Mode: device.ModeBlock, BlockSize: 64, Devices: 1, InFlight: 1, Duration: time.Second, Runs: 1, Size: 1,
	}
	if err := right.Validate(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"mode":       with(right, func(c *Benchmark) { c.Mode = "x" }).Validate(),
		"block size": with(right, func(c *Benchmark) { c.BlockSize = 2048 }).Validate(),
		"devices":    with(right, func(c *Benchmark) { c.Devices = 0 }).Validate(),
		"endpoints":  with(right, func(c *Benchmark) { c.Endpoints = 1 << 21 }).Validate(),
		"in flight":  with(right, func(c *Benchmark) { c.InFlight = 0 }).Validate(),
		"duration":   with(right, func(c *Benchmark) { c.Duration = time.Hour }).Validate(),
		"runs":       with(right, func(c *Benchmark) { c.Runs = 0 }).Validate(),
		"size":       with(right, func(c *Benchmark) { c.Size = 0 }).Validate(),
		"PID alone":  with(right, func(c *Benchmark) { c.PID = 1 }).Validate(),
		"write to a URL": with(right, func(c *Benchmark) {
			c.Mode, c.URL = device.ModeWrite, "coap://127.0.0.1/fw"
		}).Validate(),
		"elsewhere": with(right, func(c *Benchmark) { c.URL = "coap://192.0.2.1/fw" }).Validate(),
		"no path":   with(right, func(c *Benchmark) { c.URL = "coap://127.0.0.1" }).Validate(),
		"scheme":    with(right, func(c *Benchmark) { c.URL = "http://127.0.0.1/fw" }).Validate(),
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
