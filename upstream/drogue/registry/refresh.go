package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"havn/upstream/drogue"
)

const (
	// liveRounds is how many refreshes of the devices are left out where the
	// integration tells of their changes: a lost event is made up for then.
	liveRounds = 10
	// forgetAfter is when a device that nobody looks up any more is no longer
	// read again, and forgotten if the registry does not have it: names are
	// invented freely. Where they fill the table, they go after forgetSoon.
	forgetAfter = 24 * time.Hour
	forgetSoon  = 5 * time.Minute
)

// Run implements upstream.Session. It asks the registry what is to be asked, until ctx ends. It returns when
// all its work has ended and what is known is stored.
func (r *Registry) Run(ctx context.Context) error {
	defer r.client.Close()
	var work sync.WaitGroup
	if r.events != nil {
		work.Go(func() { r.events.run(ctx) })
	}
	r.loop(ctx)
	work.Wait()
	r.save()
	return nil
}

func (r *Registry) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var saved time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
			if r.outage.waiting() > 0 {
				continue // the timer runs on
			}
		}
		next := r.round(ctx)
		if time.Since(saved) >= saveEvery {
			r.save()
			saved = time.Now()
		}
		timer.Reset(min(next, saveEvery))
	}
}

// round asks what is due and returns how long until something else is.
func (r *Registry) round(ctx context.Context) time.Duration {
	if wait := r.outage.waiting(); wait > 0 {
		return wait
	}
	next := r.cfg.Refresh
	for _, app := range r.applications() {
		due, err := r.work(ctx, app)
		switch {
		case ctx.Err() != nil:
			return next
		case errors.Is(err, drogue.ErrDenied):
			r.refuse(app, err)
			due = r.schedule(app)
		case err != nil:
			r.overdue(app)
			return r.outage.failed(err)
		}
		next = min(next, due)
	}
	return next
}

// applications lists those in use and forgets the others.
func (r *Registry) applications() (apps []*application) {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := forgetAfter
	if r.full() {
		after = forgetSoon
	}
	limit := r.clock().Add(-after).Unix()
	for name, app := range r.apps {
		r.forget(app, limit)
		if len(app.devices)+len(app.questions) == 0 && app.asked.Load() < limit {
			delete(r.apps, name)
			r.index = true
			continue
		}
		apps = append(apps, app)
	}
	return apps
}

// forget drops the devices that the registry does not have and nobody has
// asked for since limit. The caller holds mu.
func (r *Registry) forget(app *application, limit int64) {
	for name, d := range app.devices {
		if (d.Missing || app.own.Missing) && d.asked.Load() < limit {
			delete(app.devices, name)
			r.names--
			app.dirty = true
		}
	}
}

// work asks what is to be asked about one application, and returns how long
// until it is due again.
func (r *Registry) work(ctx context.Context, app *application) (time.Duration, error) {
	names, full, until := r.plan(app)
	if !full && len(names) == 0 {
		return until, nil
	}
	if full {
		exists, err := r.readApplication(ctx, app)
		if err != nil {
			return 0, err
		}
		if !exists {
			r.learn(app, missing(names))
			clear(names)
		}
		r.stats.Refreshes.Add(1)
	}
	if err := r.readDevices(ctx, app, names); err != nil {
		return 0, err
	}
	r.outage.answered()
	if full {
		until = r.schedule(app)
	}
	return until, nil
}

// plan lists the devices to ask for, and whether the application is due.
func (r *Registry) plan(app *application) (names map[string]bool, full bool, until time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names = map[string]bool{}
	for name := range app.questions {
		names[name] = true
	}
	until = app.due.Sub(r.clock())
	if full = until <= 0; full {
		app.due = r.clock().Add(never) // until it is scheduled; a Retry that comes meanwhile counts
	}
	if !full || (app.live && app.rounds%liveRounds != 0) {
		return names, full, until
	}
	limit := r.clock().Add(-forgetAfter).Unix()
	for name, d := range app.devices {
		if d.asked.Load() > limit {
			names[name] = true
		}
	}
	return names, full, until
}

// never is longer than anything is scheduled for.
const never = 100 * 365 * 24 * time.Hour

// overdue makes the application due at once, as it was before it was tried.
func (r *Registry) overdue(app *application) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app.due = time.Time{}
}

// schedule sets when the application is due again: after the refresh interval,
// a tenth more or less so that applications and gateways spread. It stays due
// at once where a Retry came while it was read.
func (r *Registry) schedule(app *application) time.Duration {
	spread := r.cfg.Refresh / 5
	wait := r.cfg.Refresh - spread/2 + rand.N(spread+1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if app.due.IsZero() {
		return 0
	}
	app.due = r.clock().Add(wait)
	if app.rounds++; app.rounds == 1 && r.events != nil {
		r.events.client.Retry() // a new application to listen to
	}
	return wait
}
