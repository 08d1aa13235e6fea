package registry

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstRetry = time.Second
	// maxRetry is the longest wait for an upstream that is away: short enough
	// that a repaired link is noticed while someone looks on.
	maxRetry = 5 * time.Minute
)

// delay returns how long to wait after so many failures in a row: firstRetry,
// then twice as long each time up to maxRetry, each 50 % more or less so that
// gateways do not come back all at once.
func delay(failures int) time.Duration {
	wait := maxRetry
	if failures < 16 {
		wait = min(firstRetry<<max(0, failures-1), maxRetry)
	}
	return wait/2 + rand.N(wait)
}

// outage is whether an upstream answers. It logs when that changes, or why not.
type outage struct {
	log  *slog.Logger
	name string
	away *atomic.Bool

	mu    sync.Mutex
	fails int       // in a row
	next  time.Time // no try before; the zero time = the upstream answers
	said  string    // the error that was logged last
}

func newOutage(log *slog.Logger, name string, away *atomic.Bool) *outage {
	return &outage{log: log, name: name, away: away}
}

// failed notes a failure and returns how long to wait.
func (o *outage) failed(err error) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fails++
	wait := delay(o.fails)
	if asked, ok := errors.AsType[*backoff.RetryAfterError](err); ok {
		wait = max(wait, asked.Duration)
	}
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
	o.fails, o.next = 0, time.Time{}
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
