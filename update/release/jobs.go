package release

import (
	"context"
	"sync"
	"sync/atomic"
)

// jobs runs the slow work that the device path must not wait for. At most one job
// per key waits or runs. A job that finds the queue full is dropped and counted:
// the device that caused it asks again.
type jobs struct {
	queue   chan job
	dropped *atomic.Uint64 // counts

	mu      sync.Mutex
	pending map[string]bool // keys in queue or running
}

type job struct {
	key string
	run func(context.Context)
}

// Bounds of the background work. Workers mostly wait for a registry, so there
// are more of them than cores; the queue holds one job per image or new device.
const (
	jobWorkers = 16
	jobQueue   = 4096
)

func newJobs(dropped *atomic.Uint64) *jobs {
	return &jobs{queue: make(chan job, jobQueue), dropped: dropped, pending: map[string]bool{}}
}

// add queues run under key, unless that key is waiting or running already.
func (j *jobs) add(key string, run func(context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.pending[key] {
		return
	}
	select {
	case j.queue <- job{key, run}:
		j.pending[key] = true
	default:
		j.dropped.Add(1)
	}
}

// run works the queue until ctx ends.
func (j *jobs) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range jobWorkers {
		workers.Go(func() { j.work(ctx) })
	}
	workers.Wait()
}

func (j *jobs) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-j.queue:
			job.run(ctx)
			j.mu.Lock()
			delete(j.pending, job.key)
			j.mu.Unlock()
		}
	}
}
