package upstream

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/dfu"
	"havn/link"
)

// Bounds of one line.
const (
	window      = 256              // events read from the spool and settled at once
	concurrency = 16               // devices whose events are under way at the same time
	maxTries    = 6                // of an event that is rejected, over about a minute
	timeout     = 30 * time.Second // of one event
	maxPause    = time.Minute      // between two tries while the upstream is away
)

// line sends the events of one publisher. Its fields belong to the goroutine
// that runs it, except the channels.
type line struct {
	publisher Publisher
	spool     Spool
	stats     *Stats
	log       *slog.Logger
	wake      chan struct{} // there may be something to send
	retry     chan struct{} // what waits is to be tried now

	away   bool // the last round found the upstream away: one event is tried at a time
	pause  *backoff.ExponentialBackOff
	parked map[dfu.Device]*parking
}

// parking is why and how long the events of one device are left alone.
type parking struct {
	rejected int // tries of its oldest event that the upstream did not want
	pause    *backoff.ExponentialBackOff
	until    time.Time
}

func newLine(p Publisher, spool Spool, stats *Stats, log *slog.Logger) *line {
	return &line{
		publisher: p, spool: spool, stats: stats, log: log, wake: make(chan struct{}, 1),
		retry: make(chan struct{}, 1), pause: newPause(), parked: map[dfu.Device]*parking{},
	}
}

func newPause() *backoff.ExponentialBackOff { return link.NewBackoff(time.Second, maxPause) }

// run works the queue until ctx ends.
func (l *line) run(ctx context.Context) {
	for ctx.Err() == nil {
		entries, err := l.next()
		switch {
		case err != nil:
			l.log.Error("events not read from the spool; trying again", slog.Any("error", err))
			sleep(ctx, storeRetry)
		case len(entries) == 0:
			l.idle(ctx)
		default:
			pause, asked := l.round(ctx, entries)
			sleep(ctx, asked) // not even an operator shortens what the upstream asked for
			l.wait(ctx, pause-asked)
		}
	}
}

// next returns the entries of the next round.
func (l *line) next() ([]Entry, error) {
	n, now := window, time.Now()
	if l.away {
		n = 1
	}
	skip := func(d dfu.Device) bool { p := l.parked[d]; return p != nil && now.Before(p.until) }
	return l.spool.Next(l.publisher.Name(), n, skip)
}

// idle waits until there may be something to send.
func (l *line) idle(ctx context.Context) {
	var due <-chan time.Time
	if until, ok := l.nextParked(); ok {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-l.retry:
		l.forgive()
	case <-due:
	}
}

// wait rests for d, unless it is to try now.
func (l *line) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.retry:
		l.forgive()
	case <-timer.C:
	}
}

// forgive forgets what failed.
func (l *line) forgive() {
	clear(l.parked)
	l.pause.Reset()
}

// nextParked returns when the next parked device may be tried again. Devices
// whose time has come have no more events, or they would have been tried.
func (l *line) nextParked() (next time.Time, ok bool) {
	now := time.Now()
	for d, p := range l.parked {
		switch {
		case !now.Before(p.until):
			delete(l.parked, d)
		case !ok || p.until.Before(next):
			next, ok = p.until, true
		}
	}
	return next, ok
}

// round sends entries, settles them, and returns how long to rest, and how much of
// that the upstream asked for.
func (l *line) round(ctx context.Context, entries []Entry) (pause, asked time.Duration) {
	r := l.send(ctx, entries)
	for _, e := range r.delivered {
		delete(l.parked, e.Event.Device)
	}
	var refused []Refusal
	for _, f := range r.rejected {
		p := l.park(f.entry)
		if p.rejected++; p.rejected == 1 {
			l.warn("event refused; it is tried a few times more", f)
		}
		if p.rejected >= maxTries {
			refused = append(refused, l.refuse(f))
		}
	}
	for _, f := range r.failed {
		l.park(f.entry)
	}
	l.settle(ctx, r.delivered, refused)
	asked = r.asked()
	return max(l.rest(r), asked), asked
}

// park leaves the events of a device alone for a while.
func (l *line) park(e Entry) *parking {
	p := l.parked[e.Event.Device]
	if p == nil {
		p = &parking{pause: newPause()}
		l.parked[e.Event.Device] = p
	}
	p.until = time.Now().Add(p.pause.NextBackOff())
	return p
}

// refuse gives an event up.
func (l *line) refuse(f failure) Refusal {
	delete(l.parked, f.entry.Event.Device)
	l.stats.Rejected.Add(1)
	l.warn("event set aside; the upstream does not want it", f)
	return Refusal{Entry: f.entry, Reason: f.err.Error()}
}

func (l *line) warn(message string, f failure) {
	l.log.Warn(message, slog.String("app", f.entry.Event.Device.Application),
		slog.String("device", f.entry.Event.Device.Name),
		slog.String("kind", f.entry.Event.Kind.String()), slog.Any("error", f.err))
}

// settle tells the spool what became of a round. While the disk refuses, it
// tries again: what was delivered must not be sent once more.
func (l *line) settle(ctx context.Context, delivered []Entry, refused []Refusal) {
	if len(delivered)+len(refused) == 0 {
		return
	}
	pause, failing := newPause(), false
	for {
		err := l.spool.Settle(l.publisher.Name(), delivered, refused)
		if err == nil {
			return
		}
		if !failing {
			l.log.Error("what was sent cannot be struck off the spool; nothing is sent until it can",
				slog.Int("events", len(delivered)+len(refused)), slog.Any("error", err))
		}
		failing = true
		if sleep(ctx, pause.NextBackOff()); ctx.Err() != nil {
			return // sent again after the restart
		}
	}
}

// rest draws the conclusion from a round: whether the upstream is there, and how
// long to leave it alone where it is not.
func (l *line) rest(r *round) time.Duration {
	answered := len(r.delivered)+len(r.rejected) > 0
	switch {
	case answered && l.away:
		l.away = false
		l.pause.Reset()
		l.log.Info("upstream is back")
	case !answered && len(r.failed) > 0:
		if !l.away {
			l.log.Warn("upstream is away; events are kept until it is back",
				slog.Any("error", r.failed[0].err))
		}
		l.away = true
		return l.pause.NextBackOff()
	}
	return 0
}

// asked returns how long the upstream wants to be left alone.
func (r *round) asked() (d time.Duration) {
	for _, f := range r.failed {
		d = max(d, link.Pause(f.err))
	}
	return d
}
