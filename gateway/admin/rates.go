package admin

import (
	"context"
	"maps"
	"sync"
	"time"
)

// chunks returns the chunks that devices were sent so far, by protocol.
func (s *Server) chunks() map[string]uint64 {
	all := map[string]uint64{}
	for _, f := range s.parts.Fronts {
		all[f.Name()] += f.Counts().Chunks.Load()
	}
	return all
}

// rateInterval is the time over which the summary averages.
const rateInterval = 5 * time.Second

// rates turns counters into rates.
type rates struct {
	mu        sync.Mutex
	perSecond map[string]float64
}

// run reads the counters again and again until ctx ends.
func (r *rates) run(ctx context.Context, read func() map[string]uint64) error {
	tick := time.NewTicker(rateInterval)
	defer tick.Stop()
	last := read()
	r.set(last, last)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			next := read()
			r.set(last, next)
			last = next
		}
	}
}

func (r *rates) set(last, next map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.perSecond = map[string]float64{}
	for name, n := range next {
		r.perSecond[name] = float64(n-last[name]) / rateInterval.Seconds()
	}
}

// now returns the rates of the last full interval.
func (r *rates) now() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.perSecond)
}
