package link

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// MaxRetryAfter is the longest pause that a server may ask for: a server with a
// mistake in its answer silences a gateway for an hour, not for a year.
const MaxRetryAfter = time.Hour

// RetryAfter returns how long the server of an answer with the header h wants
// to be left alone, 0 to [MaxRetryAfter]. It returns false where h has no
// Retry-After, or one that is neither seconds nor a date (RFC 9110 section
// 10.2.3).
//
// A date is measured from the Date of the answer, since the clock of a gateway
// may be wrong. It is measured from now where the answer has no Date.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if wait, ok := deltaSeconds(value); ok {
		return wait, true
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, until.Sub(now)), MaxRetryAfter), true
}

// WithPause adds to err the pause that the answer with the header h asks for, if
// it asks for one. It is for answers that a library has made an error of.
func WithPause(err error, h http.Header, now time.Time) error {
	pause, _ := RetryAfter(h, now)
	if err == nil || pause == 0 {
		return err
	}
	return fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: pause})
}

// Pause returns how long the server that err is from asked to be left alone, 0
// where it asked for nothing.
func Pause(err error) time.Duration {
	if asked, ok := errors.AsType[*backoff.RetryAfterError](err); ok {
		return min(asked.Duration, MaxRetryAfter)
	}
	return 0
}

// deltaSeconds reads digits alone. More digits than a uint32 holds are the
// longest pause.
func deltaSeconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return MaxRetryAfter, true
	}
	return min(time.Duration(seconds)*time.Second, MaxRetryAfter), true
}
