package update

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"havn/dfu"
	"havn/firmware"
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
	signal(e.refreshes)
}

// sweep assigns every row anew, resolves every release that is in use, and
// forgets the others.
func (e *Engine) sweep() {
	used := map[*release]bool{}
	for _, row := range e.all() {
		used[e.assignRow(row)] = true
		row.notice()
	}
	for _, rule := range e.desired.known() {
		if err := rule.Spec.Validate(); err != nil {
			continue // said on the row of each device it matches
		}
		if rule.anyApplication() {
			e.prefetch(rule.Spec)
			continue
		}
		used[e.releaseOf(rule.Application, rule.Spec)] = true
	}
	e.releases.Lock()
	defer e.releases.Unlock()
	for key, rel := range e.releases.m {
		if !used[rel] {
			delete(e.releases.m, key)
			continue
		}
		e.refresh(rel)
		if t := rel.target.Load(); t != nil {
			e.retain(t.Transfer.Digest)
		}
	}
}

// prefetch brings an image into memory and into the ledger that no application
// is known to want yet, so that the first device that does is answered at once.
func (e *Engine) prefetch(spec firmware.Spec) {
	e.jobs.add("prefetch "+spec.Key(), func(ctx context.Context) {
		m, err := e.source.Resolve(ctx, dfu.Device{}, spec)
		if revoked(spec, err) {
			e.forget(spec)
			return
		}
		if err != nil {
			known, ok := e.ledger.resolution(spec.Key())
			if !ok {
				return // the device that asks for it gets the reason on its row
			}
			m = known
		}
		if m, err = e.admit(anyApplication, m); err != nil {
			return
		}
		if _, err := e.images.Load(ctx, m); err != nil {
			return
		}
		e.retain(m.Digest)
		if err := e.ledger.resolve(spec.Key(), m); err != nil {
			e.log.Error("not stored; served as long as this process runs", slog.Any("error", err))
		}
	})
}

// aged reports whether rel was last resolved longer than d ago.
func (r *release) aged(now time.Time, d time.Duration) bool {
	return now.Sub(time.Unix(0, r.checked.Load())) > d
}

// lastError keeps why images could not be loaded, for the rows that wait for
// them, and logs it once per image and error.
type lastError struct {
	mu   sync.Mutex
	text map[firmware.Digest]string
}

func (l *lastError) warn(log *slog.Logger, t *firmware.Target, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil || len(l.text) > 1000 {
		l.text = map[firmware.Digest]string{}
	}
	if l.text[t.Transfer.Digest] != err.Error() {
		l.text[t.Transfer.Digest] = err.Error()
		log.Warn("image not loaded; devices wait for it", slog.String("version", Printable(t.Version)),
			slog.String("digest", t.Digest.String()), slog.Any("error", err))
	}
}

// of returns why t could not be loaded, empty if it was not tried or could be.
func (l *lastError) of(t *firmware.Target) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[t.Transfer.Digest]
}

func (l *lastError) forget(t *firmware.Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.text, t.Transfer.Digest)
}
