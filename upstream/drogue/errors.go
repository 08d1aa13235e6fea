package drogue

import (
	"context"
	"errors"
	"fmt"
)

// One sentinel per reaction of a caller.
var (
	// ErrAway: Drogue Cloud cannot be reached, is overloaded, or does not accept
	// our own credentials. Nothing gets through: try again later, lose nothing.
	ErrAway = errors.New("cloud is away")
	// ErrDenied: this device is refused until somebody changes something in the
	// cloud. Others go on; it may be tried again a bounded number of times.
	ErrDenied = errors.New("not allowed by Drogue Cloud")
	// ErrRejected: this will never be accepted as it is.
	ErrRejected = errors.New("rejected for good")
)

// errConflict: somebody else wrote the resource since it was read.
var errConflict = errors.New("changed by somebody else meanwhile")

// errOdd comes with ErrAway where the answer is not Drogue Cloud's.
var errOdd = errors.New("this is not how Drogue Cloud answers: check the url, " +
	"and for a portal that wants a login")

// classified are the errors that say already how to react.
var classified = []error{ErrAway, ErrDenied, ErrRejected}

// away makes err one of the sentinels: ErrAway, unless it is one already.
// That the caller gave up is nobody's fault and stays as it is.
func away(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, class := range classified {
		if errors.Is(err, class) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return fmt.Errorf("%s: %w: %w", what, ErrAway, err)
}
