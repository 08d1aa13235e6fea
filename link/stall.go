package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// StallTimeout is the longest silence inside the body of an answer.
const StallTimeout = time.Minute

// errStalled: the server sent nothing for StallTimeout.
var errStalled = fmt.Errorf("the server sent nothing for %v", StallTimeout)

// watchedBody ends an answer whose server falls silent. The time that its
// reader takes between reads does not count.
type watchedBody struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newWatchedBody(
	ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser,
) *watchedBody {
	timer := time.AfterFunc(StallTimeout, func() { cancel(errStalled) })
	timer.Stop()
	return &watchedBody{body, ctx, cancel, timer}
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(StallTimeout)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.timer.Stop()
	b.cancel(nil)
	return err
}
