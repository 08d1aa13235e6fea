package link

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxErrorBody bounds what is kept of the body of a StatusError, in bytes.
const maxErrorBody = 64 << 10

// StatusError is an answer that is no success. It unwraps to a
// [*backoff.RetryAfterError] where the server asked for a pause, which whoever
// repeats the request has to honour.
type StatusError struct {
	Code   int
	Method string
	URL    string        // without user and query
	Pause  time.Duration // that the server wants to be left alone for; 0 = it did not say
	Body   []byte        // its first 64 KiB, which may repeat secrets that were sent

	host  string    // that answered
	until time.Time // when a request that was not sent may be; the zero time = it was sent
}

func newStatusError(resp *http.Response, body []byte, now time.Time) *StatusError {
	pause, _ := RetryAfter(resp.Header, now)
	return &StatusError{
		Code: resp.StatusCode, Method: resp.Request.Method, URL: redacted(resp.Request.URL),
		Pause: pause, Body: body, host: resp.Request.URL.Host,
	}
}

// Error names the request and the status, and leaves the body out.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: answer %d %s", e.Method, e.URL, e.Code, http.StatusText(e.Code))
	if !e.until.IsZero() {
		text += "; not asked again before " + e.until.UTC().Format(time.RFC3339)
	}
	return text
}

// Overload returns the pause that a server asked for because it has too much to do,
// 0 if the answer is about the request: other requests are welcome then.
func (e *StatusError) Overload() time.Duration {
	if e.Code == http.StatusTooManyRequests || e.Code >= http.StatusInternalServerError {
		return e.Pause
	}
	return 0
}

// Unwrap returns the pause that the server asked for, nil if it asked for none.
func (e *StatusError) Unwrap() error {
	if e.Pause == 0 {
		return nil
	}
	return &backoff.RetryAfterError{Duration: e.Pause}
}

// redacted is u without user and query.
func redacted(u *url.URL) string {
	short := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return short.String()
}
