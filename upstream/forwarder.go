package upstream

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/dfu"
	"havn/status"
)

// Stats counts what became of events, once per line.
type Stats struct {
	Delivered atomic.Uint64 // taken by an upstream
	Rejected  atomic.Uint64 // set aside
	Failed    atomic.Uint64 // tries that found an upstream away
	Lost      atomic.Uint64 // telemetry given up before it was stored
}

// Forwarder takes events and sends them to the publishers that accept them.
// Its methods may be called concurrently.
type Forwarder struct {
	spool     Spool
	lines     []*line
	telemetry memory
	log       *slog.Logger
	stats     Stats
}

var _ status.Reporter = (*Forwarder)(nil)

// New returns a forwarder over a spool that was opened for these publishers. It
// starts nothing; until Run, events are stored. Log may be nil.
func New(spool Spool, publishers []Publisher, log *slog.Logger) *Forwarder {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &Forwarder{spool: spool, log: log, telemetry: memory{wake: make(chan struct{}, 1)}}
	for _, p := range publishers {
		log := log.With(slog.String("upstream", p.Name()))
		f.lines = append(f.lines, newLine(p, spool, &f.stats, log))
	}
	return f
}

// Names returns the names of publishers, as the spool is opened for.
func Names(publishers []Publisher) (names []string) {
	for _, p := range publishers {
		names = append(names, p.Name())
	}
	return names
}

// Stats returns the forwarder's counters.
func (f *Forwarder) Stats() *Stats { return &f.stats }

// Report implements status.Reporter: one transaction for all changes.
func (f *Forwarder) Report(changes []status.Change) error {
	events := make([]Event, len(changes))
	for i := range changes {
		events[i] = statusEvent(&changes[i])
	}
	return f.store(events)
}

// MaxPayload is the longest telemetry that is taken: more than a datagram or a
// LoRaWAN uplink holds, and what cloud endpoints take.
const MaxPayload = 64 << 10

// Telemetry takes what a device sent on a channel, to be stored and sent. It
// copies payload, and waits neither for the disk nor for an upstream. It fails
// with ErrNoUpstream where nobody accepts it, and with ErrTooLarge.
func (f *Forwarder) Telemetry(
	application, device, channel, contentType string, payload []byte,
) error {
	e := Event{
		Kind: Telemetry, Device: dfu.Device{Application: application, Name: device},
		Time: stamp(time.Now()), Channel: channel, ContentType: contentType,
	}
	switch {
	case len(payload) > MaxPayload:
		return fmt.Errorf("telemetry of %s on %s: %w: %d bytes, at most %d are forwarded",
			e.Device, channel, ErrTooLarge, len(payload), MaxPayload)
	case !f.accepted(&e):
		return fmt.Errorf("telemetry of %s on %s: %w", e.Device, channel, ErrNoUpstream)
	}
	e.Payload = bytes.Clone(payload)
	f.stats.Lost.Add(f.telemetry.add(e))
	return nil
}

func (f *Forwarder) accepted(e *Event) bool {
	for _, l := range f.lines {
		if l.publisher.Accepts(e) {
			return true
		}
	}
	return false
}

// Retry has what failed or was refused, and not set aside yet, tried again now:
// an operator who has mended something does not wait for the next turn.
func (f *Forwarder) Retry() {
	for _, l := range f.lines {
		if s, ok := l.publisher.(Session); ok {
			s.Retry()
		}
		signal(l.retry)
	}
}

// store puts events on the lines that take them, and wakes their senders.
func (f *Forwarder) store(events []Event) error {
	var entries []Entry
	woken := make([]*line, 0, len(f.lines))
	for _, l := range f.lines {
		n := len(entries)
		for i := range events {
			if l.publisher.Accepts(&events[i]) {
				entries = append(entries, Entry{Line: l.publisher.Name(), Event: events[i]})
			}
		}
		if len(entries) > n {
			woken = append(woken, l)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := f.spool.Append(entries); err != nil {
		return err
	}
	for _, l := range woken {
		signal(l.wake)
	}
	return nil
}

// signal asks the reader of a channel of capacity 1 to look.
func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // asked already
	}
}

// Run sends until ctx ends, and runs the sessions of its publishers. It returns
// when all of them have ended and the telemetry taken is stored.
func (f *Forwarder) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	for _, l := range f.lines {
		work.Go(func() error { l.run(ctx); return nil })
		if s, ok := l.publisher.(Session); ok {
			work.Go(func() error { return s.Run(ctx) })
		}
	}
	f.storeTelemetry(ctx)
	return work.Wait()
}
