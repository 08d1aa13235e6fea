package link

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// NewBackoff returns the waits between tries: first, then twice as long each
// time up to last. Each wait is up to 50 % shorter or longer, so that gateways
// and devices do not come back all at once.
func NewBackoff(first, last time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = first, last, 2
	b.Reset()
	return b
}
