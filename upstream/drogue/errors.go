package drogue

import (
	"context"
	"errors"
	"fmt"

	"havn/upstream"
)

// One sentinel per reaction of a caller, besides [upstream.ErrRejected]: this will
// never be accepted as it is.
var (
	// ErrAway: Drogue Cloud cannot be reached, is overloaded, or does not accept
	// our own credentials. Nothing gets through: try again later, lose nothing.
	ErrAway = errors.New("cloud is away")
	// ErrDenied is an upstream.ErrRejected: this device or application is refused
	// until somebody changes something in the cloud. Others go on.
	ErrDenied error = denied{}
	// ErrOdd comes with ErrAway where the answer is not Drogue Cloud's.
	ErrOdd = errors.New("this is not how Drogue Cloud answers: check the url, " +
		"and for a portal that wants a login")
)

type denied struct{}

func (denied) Error() string { return "not allowed by Drogue Cloud" }
func (denied) Unwrap() error { return upstream.ErrRejected }

// Away returns err as ErrAway, unless it says already how to react. That the
// caller gave up is nobody's fault and stays as it is.
func Away(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil || errors.Is(err, ErrAway) || errors.Is(err, upstream.ErrRejected) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrAway, err)
}
