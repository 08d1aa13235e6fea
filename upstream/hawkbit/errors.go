package hawkbit

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"havn/firmware"
)

// refusal is an answer that is no success.
type refusal struct {
	status int
	code   string        // hawkBit's errorCode, empty where there is none
	after  time.Duration // Retry-After; 0: not given
}

var errorCode = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// newRefusal reads what the server says about it. Its message is left out: it
// is the server's to write and could repeat what we sent.
func newRefusal(resp *http.Response, body []byte) *refusal {
	r := &refusal{status: resp.StatusCode}
	if p, err := parse[problem](body); err == nil && errorCode.MatchString(p.ErrorCode) {
		r.code = p.ErrorCode
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		r.after = min(time.Duration(min(s, 1<<20))*time.Second, maxSleep)
	}
	return r
}

// Error names the answer and, where there is something to do about it, what.
func (r *refusal) Error() string {
	text := fmt.Sprintf("the server answers %d %s", r.status, http.StatusText(r.status))
	if r.code != "" {
		text += " (" + r.code + ")"
	}
	switch {
	case r.denied():
		text += ": check the token file and the tenant in firmware.hawkbit, " +
			"and that the tenant allows this kind of token"
	case r.throttled():
		text += ": it allows fewer requests per second than this gateway sends"
	}
	return text
}

// Unwrap returns the sentinel of those that no repetition helps.
func (r *refusal) Unwrap() error {
	if r.denied() {
		return firmware.ErrDenied
	}
	return nil
}

func (r *refusal) denied() bool {
	return r.status == http.StatusUnauthorized || r.status == http.StatusForbidden
}

// quota reports whether the action has all the entries that it may have.
func (r *refusal) quota() bool {
	return r.status == http.StatusTooManyRequests && strings.Contains(r.code, "quota")
}

// throttled reports whether the whole gateway asks too often.
func (r *refusal) throttled() bool { return r.status == http.StatusTooManyRequests && !r.quota() }

// gone reports whether err is the server's word that what was asked for is not
// there, or not any more.
func gone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && (r.status == http.StatusNotFound || r.status == http.StatusGone)
}

// full reports whether err is the server's word that an action has its fill.
func full(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.quota()
}

// final reports whether err is an answer that the same request gets again.
func final(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status/100 == 4 && !r.denied() &&
		r.status != http.StatusTooManyRequests && r.status != http.StatusRequestTimeout
}
