package cache

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/firmware"
	"havn/link"
)

const (
	// maxRetry is the longest wait between two fetches of an image, short
	// enough that a repaired source is noticed while someone looks on.
	maxRetry = 5 * time.Minute
	// maxFailures bounds the table. A full table forgets the failure that is due
	// first, which costs no more than an early retry.
	maxFailures = 1024
)

type failure struct {
	err   error
	next  time.Time // no fetch before
	waits *backoff.ExponentialBackOff
}

// failures are images that could not be fetched. Cache.mu guards them.
type failures struct {
	first time.Duration
	table map[firmware.Digest]*failure
}

// check returns the last error of an image whose next try is not due.
func (f *failures) check(d firmware.Digest, now time.Time) error {
	last := f.table[d]
	if last == nil || !now.Before(last.next) {
		return nil
	}
	return last.err
}

// note records how a fetch ended. err is nil after a success.
func (f *failures) note(d firmware.Digest, err error, now time.Time) {
	if err == nil {
		delete(f.table, d)
		return
	}
	last := f.table[d]
	if last == nil {
		last = f.insert(d)
	}
	last.err, last.next = err, now.Add(max(last.waits.NextBackOff(), link.Pause(err)))
}

func (f *failures) insert(d firmware.Digest) *failure {
	if len(f.table) >= maxFailures {
		delete(f.table, f.due())
	}
	f.table[d] = &failure{waits: link.NewBackoff(f.first, max(f.first, maxRetry))}
	return f.table[d]
}

// due returns the image whose next try comes first.
func (f *failures) due() (d firmware.Digest) {
	var first time.Time
	for digest, last := range f.table {
		if first.IsZero() || last.next.Before(first) {
			d, first = digest, last.next
		}
	}
	return d
}

// sweep forgets images that nobody has asked for since their next try was due.
func (f *failures) sweep(now time.Time) {
	for d, last := range f.table {
		if now.Sub(last.next) > maxRetry {
			delete(f.table, d)
		}
	}
}
