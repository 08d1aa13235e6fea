package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/registry/rest"
)

const (
	// writeTries is how often a status is written when others write the same
	// device at the same time.
	writeTries = 5
	// conflictPause separates the tries of writers that collide.
	conflictPause = 20 * time.Millisecond
	// ownEventWithin is how long the event of our own write may take.
	ownEventWithin = 30 * time.Second
)

var _ interface {
	upstream.Publisher
	upstream.Session
} = (*Registry)(nil)

// Name implements upstream.Publisher.
func (*Registry) Name() string { return "registry" }

// Accepts implements upstream.Publisher.
func (*Registry) Accepts(e *upstream.Event) bool { return e.IsStatus() }

// Publish implements upstream.Publisher. It writes status.firmware of the device,
// if it says something new: it reads the device, changes that section alone, and
// writes the device back unless somebody else did meanwhile; then it begins anew.
//
// It returns after the registry's word: nil, drogue.ErrAway, drogue.ErrDenied, or
// upstream.ErrRejected where there is no such device.
func (r *Registry) Publish(ctx context.Context, e *upstream.Event) error {
	return r.write(ctx, &e.Status)
}

func (r *Registry) write(ctx context.Context, s *status.Status) error {
	dev := s.Device
	var err error
	for try := range writeTries {
		if try > 0 {
			r.stats.Conflicts.Add(1)
			if err := pause(ctx, rand.N(conflictPause<<try)); err != nil {
				return err
			}
		}
		if err = r.tryWrite(ctx, s); !errors.Is(err, rest.ErrConflict) {
			break
		}
	}
	switch {
	case errors.Is(err, rest.ErrConflict):
		return fmt.Errorf("status of %s: %w: %w", dev, drogue.ErrAway, err)
	case errors.Is(err, firmware.ErrNotFound):
		return fmt.Errorf("status of %s: %w: it is not registered in Drogue Cloud: %w",
			dev, upstream.ErrRejected, err)
	case err != nil:
		return fmt.Errorf("status of %s: %w", dev, err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (r *Registry) tryWrite(ctx context.Context, s *status.Status) error {
	dev := s.Device
	res, err := r.client.Device(ctx, dev)
	if err != nil {
		return err
	}
	r.seen(dev, res)
	old, _ := res.Status(section)
	text, err := next(s, old, r.clock())
	if err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	if text == nil {
		return nil
	}
	if err := res.SetStatus(section, text); err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	r.expect(dev, 1)
	if err := r.client.Update(ctx, dev, res); err != nil {
		r.expect(dev, -1)
		return err
	}
	r.stats.StatusWrites.Add(1)
	return nil
}

// seen takes the chance to learn what the device should run.
func (r *Registry) seen(dev dfu.Device, res *rest.Resource) {
	r.mu.RLock()
	app := r.apps[dev.Application]
	known := app != nil && app.devices[dev.Name] != nil
	r.mu.RUnlock()
	if known {
		r.learn(app, map[string]answer{dev.Name: r.answerOf(res)})
	}
}

// expect notes that one registry event of dev is our own doing: what it would
// have us read was read just before it.
func (r *Registry) expect(dev dfu.Device, events int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.apps[dev.Application]
	if app == nil || !app.live || app.devices[dev.Name] == nil {
		return
	}
	d := app.devices[dev.Name]
	d.ownWrites = max(0, d.ownWrites+events)
	d.ownUntil = r.clock().Add(ownEventWithin)
}
