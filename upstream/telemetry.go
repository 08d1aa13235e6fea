package upstream

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Bounds of the telemetry that is not stored yet. The disk is asked ten times a
// second; a second of a busy site fits.
const (
	memoryEvents = 4096
	memoryBytes  = 4 << 20

	storePause = 100 * time.Millisecond // between two writes
	storeRetry = time.Second            // after a failed one
)

// memory holds telemetry until it is stored. When it is full, the oldest goes.
type memory struct {
	wake chan struct{}

	mu     sync.Mutex
	events []Event
	bytes  int
}

// add takes e and returns how many events had to go for it.
func (m *memory) add(e Event) (lost uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	m.bytes += len(e.Payload)
	signal(m.wake)
	return m.bound()
}

// putBack returns what could not be stored, before what came since.
func (m *memory) putBack(events []Event) (lost uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(events, m.events...)
	for i := range events {
		m.bytes += len(events[i].Payload)
	}
	return m.bound()
}

// bound drops the oldest until the rest is within bounds. The caller holds mu.
func (m *memory) bound() (lost uint64) {
	for len(m.events) > memoryEvents || m.bytes > memoryBytes {
		m.bytes -= len(m.events[0].Payload)
		m.events[0] = Event{}
		m.events = m.events[1:]
		lost++
	}
	return lost
}

func (m *memory) take() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events, m.bytes = nil, 0
	return events
}

// storeTelemetry moves telemetry from memory to the spool until ctx ends, and
// what is left then.
func (f *Forwarder) storeTelemetry(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.telemetry.wake:
			err := f.storeTaken()
			if err != nil && !failing {
				f.log.Error("telemetry not stored; kept in memory and tried again", slog.Any("error", err))
			}
			failing = err != nil
			f.pauseStoring(ctx, failing)
		}
	}
	if err := f.storeTaken(); err != nil {
		f.log.Error("telemetry lost at the end: not stored", slog.Any("error", err))
	}
}

// pauseStoring lets telemetry gather; longer when the disk does not take it.
func (f *Forwarder) pauseStoring(ctx context.Context, failing bool) {
	if !failing {
		sleep(ctx, storePause)
		return
	}
	signal(f.telemetry.wake)
	sleep(ctx, storeRetry)
}

// storeTaken stores what memory holds, or leaves it there.
func (f *Forwarder) storeTaken() error {
	events := f.telemetry.take()
	if len(events) == 0 {
		return nil
	}
	err := f.store(events)
	if err != nil {
		f.stats.Lost.Add(f.telemetry.putBack(events))
	}
	return err
}

// sleep waits for d, or for ctx to end.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
