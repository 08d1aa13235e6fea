package coap

import (
	"context"

	"github.com/HdrHistogram/hdrhistogram-go"

	"havn/bench/load"
)

// sample measures one side once, and adds its latencies to all.
func (c *comparison) sample(
	ctx context.Context, s *side, all *hdrhistogram.Histogram,
) (Sample, error) {
	window := load.Window{Warmup: min(c.Duration/10, maxWarmup), Measure: c.Duration}
	if s.pid != 0 {
		window.CPU = clockOf(s.pid).read
	}
	before, err := s.allocations()
	if err != nil {
		return Sample{}, err
	}
	result, err := s.generator.Run(ctx, window)
	if err != nil {
		return Sample{}, err
	}
	after, err := s.allocations()
	if err != nil {
		return Sample{}, err
	}
	all.Merge(result.Latency)
	sample := newSample(result)
	if s.pid != 0 {
		sample.setCPU(result)
	}
	if s.child != nil {
		sample.AllocsPerBlock = perBlock(float64(after-before), result.Answered)
	}
	return sample, nil
}

// allocations returns the server's count, 0 where it is not ours.
func (s *side) allocations() (uint64, error) {
	if s.child == nil {
		return 0, nil
	}
	return s.child.count(countAllocations)
}

func (s *side) readMemory() (err error) {
	if s.pid != 0 {
		s.memory, err = residentMemory(s.pid)
	}
	if err == nil && s.child != nil {
		s.heap, err = s.child.count(countHeap)
	}
	return err
}

// noteMemory reports the server's memory, and how much of it the load took.
func (c *comparison) noteMemory(r *Report) error {
	if c.server.pid == 0 {
		return nil
	}
	now, err := residentMemory(c.server.pid)
	if err == nil && c.server.child != nil {
		err = c.noteHeap(r)
	}
	growth := int64(now) - int64(c.server.memory)
	r.RSSBytes, r.RSSGrowthBytes = &now, &growth
	perEndpoint := float64(growth) / float64(max(r.EndpointsReached, 1))
	r.RSSPerEndpoint = &perEndpoint
	return err
}

// noteHeap reports what the gateway keeps of a device. Each device has a row in
// its table, and all of them have asked.
func (c *comparison) noteHeap(r *Report) error {
	heap, err := c.server.child.count(countHeap)
	perDevice := (float64(heap) - float64(c.server.heap)) / float64(c.Devices)
	r.HeapPerDevice = &perDevice
	return err
}
