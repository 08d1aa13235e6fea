package drogue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/dfu"
	"havn/firmware"
)

const (
	// questioners is how many devices are read at once: they mostly wait for a
	// round trip.
	questioners = 4
	// worthListing is from how many devices on a list may be cheaper. A listing
	// costs about as much per device as half a request for one, so it pays up
	// to twice as many devices as are to be asked for.
	worthListing = 4
	// liveRounds is how many refreshes of the devices are left out where the
	// integration tells of their changes: a lost event is made up for then.
	liveRounds = 10
	// forgetAfter is when a device that nobody looks up any more is no longer
	// read again, and forgotten if the registry does not have it: names are
	// invented freely. Where they fill the table, they go after forgetSoon.
	forgetAfter = 24 * time.Hour
	forgetSoon  = 5 * time.Minute
)

// Run asks the registry what is to be asked, until ctx ends. It returns when
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
		case errors.Is(err, ErrDenied):
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
		app.due = r.clock().Add(never) // until it is scheduled; a Refresh that comes meanwhile counts
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
// at once where a Refresh came while it was read.
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

func missing(names map[string]bool) map[string]answer {
	answers := map[string]answer{}
	for name := range names {
		answers[name] = answer{Missing: true}
	}
	return answers
}

func (r *Registry) readApplication(ctx context.Context, app *application) (exists bool, err error) {
	res, err := r.client.Application(ctx, app.name)
	switch {
	case notThere(err):
		r.learnApplication(app, answer{Missing: true})
		return false, nil
	case err != nil:
		return false, err
	}
	next := answerOf(res)
	r.learnApplication(app, next)
	return !next.Missing, nil
}

// notThere reports whether there is nothing of the name asked for, or can be
// nothing.
func notThere(err error) bool {
	return errors.Is(err, firmware.ErrNotFound) || errors.Is(err, ErrRejected)
}

// readDevices asks for the devices named: with a list where that is cheaper,
// and one by one what no list had.
func (r *Registry) readDevices(ctx context.Context, app *application, names map[string]bool) error {
	if r.worthListing(app, len(names)) {
		if err := r.readList(ctx, app, names); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questioners)
	for name := range names {
		group.Go(func() error { return r.readDevice(ctx, app, name) })
	}
	return group.Wait()
}

func (r *Registry) worthListing(app *application, names int) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return names >= worthListing && app.atLeast <= 2*names
}

// readList lists devices and takes what it finds off names. It gives up where
// asking one by one is cheaper.
func (r *Registry) readList(ctx context.Context, app *application, names map[string]bool) error {
	bound, seen := 2*len(names), 0
	answers := map[string]answer{}
	defer func() { r.learn(app, answers) }()
	path := applicationPath(app.name) + "/devices"
	for res, err := range r.client.list(ctx, path, "", min(pageSize, bound)) {
		if errors.Is(err, errMoved) {
			return nil
		}
		if err != nil {
			return err
		}
		if seen++; seen > bound {
			break
		}
		answers[res.Metadata.Name] = answerOf(res)
		delete(names, res.Metadata.Name)
	}
	r.mu.Lock()
	app.atLeast = seen
	r.mu.Unlock()
	return nil
}

func (r *Registry) readDevice(ctx context.Context, app *application, name string) error {
	res, err := r.client.Device(ctx, dfu.Device{Application: app.name, Name: name})
	next := answer{Missing: true}
	switch {
	case err == nil:
		next = answerOf(res)
	case errors.Is(err, errOdd):
		r.giveUp(app, name, err)
		return nil
	case !notThere(err):
		return err
	}
	r.learn(app, map[string]answer{name: next})
	return nil
}

// giveUp takes a device off the queue that has no answer of the registry while
// its application has: a proxy that does not like its name must not keep the
// others waiting. It is asked for again when it is next looked up.
func (r *Registry) giveUp(app *application, name string, err error) {
	r.log.Debug("device not read", slog.String("application", app.name),
		slog.String("device", name), slog.Any("error", err))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered(app, name)
}
