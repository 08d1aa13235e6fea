package registry

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/link"
)

const (
	firstRetry = time.Second
	// maxRetry is the longest wait for an upstream that is away: short enough
	// that a repaired link is noticed while someone looks on.
	maxRetry = 5 * time.Minute
)

// outage is whether an upstream answers. It logs when that changes, or why not.
type outage struct {
	log  *slog.Logger
	name string
	away *atomic.Bool

	mu    sync.Mutex
	pause *backoff.ExponentialBackOff
	next  time.Time // no try before; the zero time = the upstream answers
	said  string    // the error that was logged last
}

func newOutage(log *slog.Logger, name string, away *atomic.Bool) *outage {
	return &outage{log: log, name: name, away: away, pause: link.NewBackoff(firstRetry, maxRetry)}
}

// failed notes a failure and returns how long to wait.
func (o *outage) failed(err error) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := max(o.pause.NextBackOff(), link.Pause(err))
	o.next = time.Now().Add(wait)
	if !o.away.Swap(true) || o.said != err.Error() {
		o.said = err.Error()
		o.log.Warn(o.name+" is away; what it last said stays in force", slog.Any("error", err))
	}
	return wait
}

// answered notes that the upstream answers.
func (o *outage) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pause.Reset()
	o.next = time.Time{}
	if o.away.Swap(false) {
		o.log.Info(o.name + " answers again")
	}
}

// forgive allows the next try at once.
func (o *outage) forgive() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = time.Time{}
}

// waiting returns how long to leave the upstream alone, 0 if it may be asked.
func (o *outage) waiting() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(0, time.Until(o.next))
}
