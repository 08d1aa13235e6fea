package upstream

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"havn/dfu"
)

// round is what became of the entries of one round. Those in none of the lists
// were not tried.
type round struct {
	mu        sync.Mutex
	delivered []Entry
	rejected  []failure
	failed    []failure
}

type failure struct {
	entry Entry
	err   error
}

// send publishes entries, those of one device in order. It stops early when
// the upstream turns out to be away.
func (l *line) send(ctx context.Context, entries []Entry) *round {
	r := &round{}
	var devices errgroup.Group
	devices.SetLimit(concurrency)
	for _, own := range byDevice(entries) {
		devices.Go(func() error { l.sendInOrder(ctx, r, own); return nil })
	}
	_ = devices.Wait() // failures are in r
	return r
}

// byDevice groups entries, devices in the order of their oldest.
func byDevice(entries []Entry) [][]Entry {
	var groups [][]Entry
	index := map[dfu.Device]int{}
	for _, e := range entries {
		i, ok := index[e.Event.Device]
		if !ok {
			i = len(groups)
			index[e.Event.Device] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// sendInOrder publishes the entries of one device up to the first failure.
func (l *line) sendInOrder(ctx context.Context, r *round, entries []Entry) {
	for i := range entries {
		if r.over() || ctx.Err() != nil {
			return
		}
		err := l.publish(ctx, &entries[i].Event)
		if err != nil && ctx.Err() != nil {
			return // given up by us: the upstream is not to blame
		}
		if l.note(r, entries[i], err); err != nil {
			return
		}
	}
}

func (l *line) publish(ctx context.Context, e *Event) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return l.publisher.Publish(ctx, e)
}

// over reports whether the upstream was found away.
func (r *round) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failed) > 0
}

// note records the outcome of one try.
func (l *line) note(r *round, e Entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.delivered = append(r.delivered, e)
		l.stats.Delivered.Add(1)
	case errors.Is(err, ErrRejected):
		r.rejected = append(r.rejected, failure{e, err})
	default:
		r.failed = append(r.failed, failure{e, err})
		l.stats.Failed.Add(1)
	}
}
