package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
)

// release is what one spec resolves to in one application. All rows that
// desire it share it, so that a tag that moves moves them all at once.
type release struct {
	app  string
	spec firmware.Spec

	target atomic.Pointer[firmware.Target] // what to offer; nil until resolved once
	// first is what an earlier process, or this one, resolved the spec to
	// before the release was made; nil if it never was. Immutable.
	first *firmware.Target
	err   atomic.Pointer[error] // why the newest resolution is not the target
	// vacant says that there is no target since the source has nothing for its
	// devices, as it said when it was last heard.
	vacant atomic.Bool
	// moving says that another image is about to be the target: no block-wise
	// transfer begins until it is.
	moving atomic.Bool
	// checked is when the last resolution ended, well or not; next is when a
	// device may cause another while there is no target. Unix nanoseconds.
	checked, next atomic.Int64
	failures      atomic.Int32
	loaded        firmware.Digest // of the Transfer that was brought into memory for this release; owned by its job
}

type releaseKey struct{ app, spec string }

func (r *release) explain() string {
	if err := r.err.Load(); err != nil {
		return (*err).Error()
	}
	if r.target.Load() == nil {
		return r.spec.Key() + " is being looked up"
	}
	return ""
}

// releaseOf returns the release of spec in app. A new one starts to resolve.
func (e *Engine) releaseOf(app string, spec firmware.Spec) *release {
	key := releaseKey{app, spec.Key()}
	e.releases.Lock()
	defer e.releases.Unlock()
	rel := e.releases.m[key]
	if rel == nil || rel.spec.Always() != spec.Always() {
		rel = &release{app: app, spec: spec}
		e.releases.m[key] = rel
		e.offerKnown(rel)
		e.refresh(rel)
	}
	return rel
}

// refresh resolves rel behind the caller's back.
func (e *Engine) refresh(rel *release) {
	e.jobs.add("release "+rel.app+" "+rel.spec.Key(), func(ctx context.Context) { e.resolve(ctx, rel) })
}

// ask is refresh on behalf of a device that has no target: with backoff.
func (e *Engine) ask(rel *release, now time.Time) {
	if rel != nil && now.UnixNano() >= rel.next.Load() {
		e.refresh(rel)
	}
}

// offerKnown offers what rel's spec resolved to before, by this process or an
// earlier one, if it may be offered: then a first contact is answered at once,
// and a box without a network serves what it has.
func (e *Engine) offerKnown(rel *release) {
	m, ok := e.ledger.resolution(rel.spec.Key())
	if !ok {
		return
	}
	if entry, ok := e.ledger.find(rel.app, []byte(m.Version)); ok && entry.Digest == m.Digest {
		entry.Order = m.Order
		e.publish(rel, entry)
		rel.first = rel.target.Load()
	}
}

// resolve brings rel up to date. What was offered before is served until the
// newer image is here and verified.
func (e *Engine) resolve(ctx context.Context, rel *release) {
	known, ok := e.ledger.resolution(rel.spec.Key())
	if rel.loaded.IsZero() && ok {
		_ = e.offer(ctx, rel, known) // stale, and better than nothing; errors are those of the next lines
	}
	m, err := e.source.Resolve(ctx, dfu.Device{Application: rel.app}, rel.spec)
	switch {
	case err == nil:
		rel.vacant.Store(false)
		err = e.offer(ctx, rel, m)
	case revoked(rel.spec, err):
		e.withdraw(rel, err)
		return
	}
	if ctx.Err() == nil {
		e.note(rel, err)
	}
}

// revoked reports whether err is the source's word that spec stands for nothing
// any more, not a failure to find what it stands for.
func revoked(spec firmware.Spec, err error) bool {
	return spec.Revocable() && errors.Is(err, firmware.ErrNotFound)
}

// withdraw ends what rel offers: no device starts to update. One in the middle
// of it goes on, as far as the gate lets it.
func (e *Engine) withdraw(rel *release, why error) {
	if rel.target.Swap(nil) != nil {
		e.log.Info("firmware withdrawn", slog.String("app", rel.app),
			slog.String("image", rel.spec.Key()), slog.Any("reason", why))
	}
	rel.loaded = firmware.Digest{}
	rel.vacant.Store(true)
	rel.err.Store(&why)
	rel.failures.Store(0)
	rel.checked.Store(e.clock().UnixNano())
	e.forget(rel.spec)
}

// forget drops what a revoked spec resolved to before.
func (e *Engine) forget(spec firmware.Spec) {
	if err := e.ledger.withdraw(spec.Key()); err != nil {
		e.log.Error("not stored; a restart offers it until the source is heard", slog.Any("error", err))
	}
}

// note records the outcome of a resolution and sets the pace of the next one.
func (e *Engine) note(rel *release, err error) {
	now := e.clock()
	defer rel.checked.Store(now.UnixNano())
	if err == nil {
		rel.err.Store(nil)
		rel.failures.Store(0)
		return
	}
	e.stats.ResolveFailures.Add(1)
	shift := min(rel.failures.Add(1)-1, 6)
	rel.next.Store(now.Add(e.cfg.Retry << shift).UnixNano())
	if old := rel.err.Swap(&err); old == nil || (*old).Error() != err.Error() {
		e.log.Warn("firmware not updated; what is held stays served",
			slog.String("app", rel.app), slog.String("image", rel.spec.Key()), slog.Any("error", err))
	}
}

// offer makes m the target of rel: entered in the ledger first, and held in
// memory before it replaces an older target.
func (e *Engine) offer(ctx context.Context, rel *release, m firmware.Metadata) error {
	m, err := e.admit(rel.app, m)
	if err != nil {
		return err
	}
	if rel.target.Load() == nil {
		e.publish(rel, m)
	}
	if t := firmware.NewTarget(m); rel.loaded != t.Transfer.Digest {
		if _, err := e.images.Load(ctx, t.Blob()); err != nil {
			return fmt.Errorf("image %s version %q: %w", rel.spec.Key(), m.Version, err)
		}
		e.retain(t.Transfer.Digest)
		rel.loaded = t.Transfer.Digest
	}
	return e.move(rel, m)
}

// move makes m, which is held, the target of rel. Should this process be killed,
// the next one must know which image each block-wise transfer is of: those that
// began with the older target are stored before the newer one is, and none begins
// with that before.
func (e *Engine) move(rel *release, m firmware.Metadata) error {
	if old := rel.target.Load(); old.Digest != m.Digest {
		rel.moving.Store(true)
		defer rel.moving.Store(false)
		e.flush(false)
	}
	err := e.ledger.resolve(rel.spec.Key(), m)
	e.publish(rel, m)
	return err
}

// admit enters m in the ledger. A version that is only a tag gives way to the
// digest when the tag was seen on another one.
func (e *Engine) admit(app string, m firmware.Metadata) (firmware.Metadata, error) {
	entry, err := e.ledger.record(app, m)
	if errors.Is(err, firmware.ErrVersionTaken) && m.Tagged {
		m.Version = m.Digest.Short()
		entry, err = e.ledger.record(app, m)
	}
	if errors.Is(err, firmware.ErrVersionTaken) {
		err = fmt.Errorf("%w: version %q of application %q is served from another image; "+
			"publish %s under a new version", err, m.Version, app, m.Digest)
	}
	return entry, err
}

// publish offers m, the ledger's entry, to all rows of rel. A name of m that is
// learned at the same time is offered with it.
func (e *Engine) publish(rel *release, m firmware.Metadata) {
	for m.Names = e.ledger.names(rel.app, m); !rel.offers(m); m.Names = e.ledger.names(rel.app, m) {
		rel.target.Store(firmware.NewTarget(m))
		e.log.Info("firmware offered", slog.String("app", rel.app), slog.String("image", rel.spec.Key()),
			slog.String("version", Printable(m.Version)), slog.String("digest", m.Digest.String()), slog.Any("size", m.Size))
	}
}

// offers reports whether m is the target already. Names are only ever added.
func (r *release) offers(m firmware.Metadata) bool {
	t := r.target.Load()
	return t != nil && t.Digest == m.Digest && t.Version == m.Version && t.Order == m.Order &&
		len(t.Names) == len(m.Names)
}

// amend replaces the target by what change makes of it. Where the target moves
// meanwhile, change is asked again; nil leaves the target as it is.
func (r *release) amend(change func(*firmware.Target) *firmware.Target) {
	for {
		old := r.target.Load()
		next := change(old)
		if next == nil || r.target.CompareAndSwap(old, next) {
			return
		}
	}
}

// load brings the bytes of t back into memory, behind the caller's back.
func (e *Engine) load(t *firmware.Target) {
	e.jobs.add("load "+t.Transfer.Digest.Hex(), func(ctx context.Context) {
		_, err := e.images.Load(ctx, t.Blob())
		switch {
		case err == nil:
			e.loadErrors.forget(t)
		case ctx.Err() == nil:
			e.loadErrors.warn(e.log, t, err)
		}
	})
}

// learn decides what it means that a device came back from the swap to t with
// a version that is not t's: other firmware that the ledger knows, or another
// name of t, which is then entered in the ledger.
func (e *Engine) learn(row *Row, rel *release, t *firmware.Target, version string) {
	app := row.device.Application
	if known, ok := e.ledger.find(app, []byte(version)); ok && known.Digest != t.Digest {
		row.reason = ReasonOtherVersion
		return
	}
	e.jobs.add("learn "+row.device.String()+" "+version, func(context.Context) {
		m := t.Metadata
		m.Names = append(m.Names[:len(m.Names):len(m.Names)], version)
		m, err := e.ledger.record(app, m)
		if err != nil {
			e.log.Error("name of a firmware not stored; the device will report it again", slog.Any("error", err))
			return
		}
		e.stats.LearnedNames.Add(1)
		e.log.Warn("the firmware calls itself by another version than it is published under; taking both for the same",
			slog.String("app", app), slog.String("device", row.device.Name),
			slog.String("published", Printable(t.Version)), slog.String("reported", Printable(version)))
		rel.amend(func(t *firmware.Target) *firmware.Target { return named(t, m) })
	})
}

// named returns t under the names of m, nil where t is not of the image of m.
func named(t *firmware.Target, m firmware.Metadata) *firmware.Target {
	if t == nil || t.Digest != m.Digest {
		return nil
	}
	m.Order = t.Order
	return firmware.NewTarget(m)
}
