package ddi

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"havn/link"
)

// pause is how long a server is left alone that is asked too often and does not
// say how long.
const pause = 10 * time.Second

// Refusal is an answer of the server that is no success. It unwraps to the
// [*link.StatusError], and so to the pause that the server asked for.
type Refusal struct {
	Status *link.StatusError
	Code   string // hawkBit's errorCode; empty = none
}

var errorCode = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// newRefusal reads the code in the body. The message beside it is left out: it
// is the server's to write and could repeat what was sent.
func newRefusal(status *link.StatusError) *Refusal {
	r := &Refusal{Status: status}
	if p, err := parse[problem](status.Body); err == nil && errorCode.MatchString(p.ErrorCode) {
		r.Code = p.ErrorCode
	}
	return r
}

// Error names the answer and its code.
func (r *Refusal) Error() string {
	text := r.Status.Error()
	if r.Code != "" {
		text += " (" + r.Code + ")"
	}
	if r.throttled() {
		text += ": the server allows fewer requests per second than this gateway sends"
	}
	return text
}

// Unwrap returns the answer.
func (r *Refusal) Unwrap() error { return r.Status }

// throttled reports whether the whole gateway asks too often.
func (r *Refusal) throttled() bool {
	return r.Status.Code == http.StatusTooManyRequests && !r.full()
}

// full reports whether the action has all the entries that it may have.
func (r *Refusal) full() bool {
	return r.Status.Code == http.StatusTooManyRequests && strings.Contains(r.Code, "quota")
}

// Status returns the status of the answer that err is about, 0 if it is about
// none.
func Status(err error) int {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Status.Code
	}
	return 0
}

// Denied reports whether the server does not accept the token.
func Denied(err error) bool {
	code := Status(err)
	return code == http.StatusUnauthorized || code == http.StatusForbidden
}

// Gone reports whether err is the server's word that what was asked for is not
// there, or not any more.
func Gone(err error) bool {
	code := Status(err)
	return code == http.StatusNotFound || code == http.StatusGone
}

// Full reports whether err is the server's word that the action has all the
// entries that it may have.
func Full(err error) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.full()
}

// Final reports whether err is an answer that the same request gets again.
func Final(err error) bool {
	code := Status(err)
	return code/100 == 4 && !Denied(err) &&
		code != http.StatusTooManyRequests && code != http.StatusRequestTimeout
}
