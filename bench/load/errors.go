package load

import (
	"errors"
	"fmt"
)

// What a caller reacts to.
var (
	// ErrWrong: the server's answer is not the right one. Its figures are of no
	// use.
	ErrWrong = errors.New("wrong answer")
	// ErrSilent: the server has stopped answering.
	ErrSilent = errors.New("the server does not answer")
	// ErrUnsupported: this system has no recvmmsg.
	ErrUnsupported = errors.New("this measurement needs Linux")
)

// wrong describes what is wrong with an answer.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrWrong, fmt.Sprintf(format, args...))
}
