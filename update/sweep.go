package update

import (
	"context"
	"time"

	"havn/update/release"
)

// sweepLoop looks up desired firmware and tags again, at the pace of
// cfg.Refresh and whenever Refresh is called.
func (e *Engine) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(e.cfg.Refresh)
	defer tick.Stop()
	for {
		e.sweep()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.refreshes:
		}
	}
}

// Refresh looks up desired firmware and tags again now.
func (e *Engine) Refresh() {
	select {
	case e.refreshes <- struct{}{}:
	default: // asked already
	}
}

// sweep assigns every row anew, resolves every release that is in use, and
// forgets the others.
func (e *Engine) sweep() {
	used := map[*release.Release]bool{}
	for r := range e.rows.All() {
		used[e.rows.Assign(r)] = true
		r.Notice()
	}
	for _, rule := range e.desired.Known() {
		switch {
		case rule.Spec.Validate() != nil: // said on the row of each device it matches
		case rule.AnyApplication():
			e.releases.Prefetch(rule.Spec)
		default:
			used[e.releases.Of(rule.Application, rule.Spec)] = true
		}
	}
	e.releases.Sweep(used)
}
