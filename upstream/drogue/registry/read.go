package registry

import (
	"context"
	"errors"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/registry/rest"
)

const (
	// questioners is how many devices are read at once: they mostly wait for a
	// round trip.
	questioners = 4
	// worthListing is from how many devices on a list may be cheaper. A listing
	// costs about as much per device as half a request for one, so it pays up
	// to twice as many devices as are to be asked for.
	worthListing = 4
)

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
	next := r.answerOf(res)
	r.learnApplication(app, next)
	return !next.Missing, nil
}

// notThere reports whether there is nothing of the name asked for, or can be
// nothing.
func notThere(err error) bool {
	return errors.Is(err, firmware.ErrNotFound) ||
		errors.Is(err, upstream.ErrRejected) && !errors.Is(err, drogue.ErrDenied)
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
	for res, err := range r.client.Devices(ctx, app.name, bound) {
		if errors.Is(err, rest.ErrMoved) {
			return nil
		}
		if err != nil {
			return err
		}
		if seen++; seen > bound {
			break
		}
		answers[res.Metadata.Name] = r.answerOf(res)
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
		next = r.answerOf(res)
	case errors.Is(err, drogue.ErrOdd):
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
