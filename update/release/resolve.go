package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"havn/dfu"
	"havn/firmware"
)

// resolve brings the release up to date. What was offered before is served
// until the newer image is here and verified.
func (r *Release) resolve(ctx context.Context) {
	known, ok := r.catalog.ledger.resolution(r.spec.Key())
	if r.loaded.IsZero() && ok {
		_ = r.offer(ctx, known) // stale, and better than nothing; errors are those of the next lines
	}
	m, err := r.catalog.source.Resolve(ctx, dfu.Device{Application: r.app}, r.spec)
	switch {
	case err == nil:
		r.vacant.Store(false)
		err = r.offer(ctx, m)
	case revoked(r.spec, err):
		r.withdraw(err)
		return
	}
	if ctx.Err() == nil {
		r.note(err)
	}
}

// revoked reports whether err is the source's word that spec stands for nothing
// any more, not a failure to find what it stands for.
func revoked(spec firmware.Spec, err error) bool {
	return spec.Revocable() && errors.Is(err, firmware.ErrNotFound)
}

// final reports whether repeating the call could not help.
func final(err error) bool {
	return errors.Is(err, firmware.ErrDenied) || errors.Is(err, firmware.ErrInvalid) ||
		errors.Is(err, firmware.ErrNotFound) || errors.Is(err, firmware.ErrTooLarge)
}

// offer makes m the target: entered in the ledger first, and held in memory
// before it replaces an older target.
func (r *Release) offer(ctx context.Context, m firmware.Metadata) error {
	m, err := r.catalog.admit(r.app, m)
	if err != nil {
		return err
	}
	if r.Target() == nil {
		r.publish(m)
	}
	if t := firmware.NewTarget(m); r.loaded != t.Transfer.Digest {
		if _, err := r.catalog.images.Load(ctx, t.Blob()); err != nil {
			return fmt.Errorf("image %s version %q: %w", r.spec.Key(), m.Version, err)
		}
		r.catalog.retain(t)
		r.loaded = t.Transfer.Digest
	}
	return r.move(m)
}

// admit enters m in the ledger. A version that is only a tag gives way to the
// digest when the tag was seen on another one.
func (c *Catalog) admit(app string, m firmware.Metadata) (firmware.Metadata, error) {
	entry, err := c.ledger.record(app, m)
	if errors.Is(err, firmware.ErrVersionTaken) && m.Tagged {
		m.Version = m.Digest.Short()
		entry, err = c.ledger.record(app, m)
	}
	if errors.Is(err, firmware.ErrVersionTaken) {
		err = fmt.Errorf("%w: version %q of application %q is served from another image; "+
			"publish %s under a new version", err, m.Version, app, m.Digest)
	}
	return entry, err
}

// move makes m, which is held, the target. Should this process be killed, the
// next one must know which image each block-wise transfer is of: those that began
// with the older target are stored before the newer one is, and none begins with
// the older target in between.
func (r *Release) move(m firmware.Metadata) error {
	if old := r.Target(); old.Digest != m.Digest {
		r.moving.Store(true)
		defer r.moving.Store(false)
		r.catalog.moving()
	}
	err := r.catalog.ledger.resolve(r.spec.Key(), m)
	r.publish(m)
	return err
}

// withdraw ends what the release offers: no device starts to update. One in the
// middle of it goes on, as far as the gate lets it.
func (r *Release) withdraw(why error) {
	c := r.catalog
	if r.target.Swap(nil) != nil {
		c.log.Info("firmware withdrawn", slog.String("app", r.app),
			slog.String("image", r.spec.Key()), slog.Any("reason", why))
	}
	r.loaded = firmware.Digest{}
	r.vacant.Store(true)
	r.err.Store(&why)
	r.failures.Store(0)
	r.checked.Store(c.clock().UnixNano())
	c.forget(r.spec)
}

// forget drops what a revoked spec resolved to before.
func (c *Catalog) forget(spec firmware.Spec) {
	if err := c.ledger.withdraw(spec.Key()); err != nil {
		c.log.Error("withdrawn firmware stays on disk; a restart offers it until its source is heard: "+
			"check space and rights", slog.String("image", spec.Key()), slog.Any("error", err))
	}
}

// note records the outcome of a resolution and sets the pace of the next one.
func (r *Release) note(err error) {
	c := r.catalog
	now := c.clock()
	defer r.checked.Store(now.UnixNano())
	if err == nil {
		r.err.Store(nil)
		r.failures.Store(0)
		return
	}
	c.stats.ResolveFailures.Add(1)
	shift := min(r.failures.Add(1)-1, 6)
	r.next.Store(now.Add(c.cfg.Retry << shift).UnixNano())
	if old := r.err.Swap(&err); old == nil || (*old).Error() != err.Error() {
		c.log.Warn("firmware not updated; what is held stays served",
			slog.String("app", r.app), slog.String("image", r.spec.Key()), slog.Any("error", err))
	}
}

// Prefetch brings an image into memory and into the ledger that no application
// is known to want yet, so that the first device that does is answered at once.
func (c *Catalog) Prefetch(spec firmware.Spec) {
	c.jobs.add("prefetch "+spec.Key(), func(ctx context.Context) { c.prefetch(ctx, spec) })
}

func (c *Catalog) prefetch(ctx context.Context, spec firmware.Spec) {
	m, err := c.source.Resolve(ctx, dfu.Device{}, spec)
	if revoked(spec, err) {
		c.forget(spec)
		return
	}
	if err != nil {
		known, ok := c.ledger.resolution(spec.Key())
		if !ok {
			return // the device that asks for it gets the reason on its row
		}
		m = known
	}
	if m, err = c.admit(anyApplication, m); err != nil {
		return
	}
	t := firmware.NewTarget(m)
	if _, err := c.images.Load(ctx, t.Blob()); err != nil {
		return
	}
	c.retain(t)
	if err := c.ledger.resolve(spec.Key(), m); err != nil {
		c.log.Error("prefetched firmware not stored; it is offered as long as this process runs: "+
			"check space and rights", slog.String("image", spec.Key()), slog.Any("error", err))
	}
}
