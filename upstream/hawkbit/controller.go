package hawkbit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// controller is one target of the server. The fields below turn belong to the
// call whose token is in turn.
type controller struct {
	source *Source
	id     string
	url    *url.URL
	gate   gate // what MaySwap answers from

	turn   chan struct{}
	loaded bool
	stored bool // state is what an earlier process knew
	state  state
	polled ddi.Poll // the last answer, which the server may call unchanged
	sleep  time.Duration
	asked  time.Time // the last successful poll
	next   time.Time // when to poll again
	said   time.Time // when the last informational entry was sent, or tried
}

// acquire waits for the controller's turn and loads its state.
func (c *controller) acquire(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("hawkbit controller %s: wait for an earlier call: %w", c.id, ctx.Err())
	}
	if c.loaded {
		return nil
	}
	if err := c.load(); err != nil {
		c.release()
		return fmt.Errorf("hawkbit controller %s: %w", c.id, err)
	}
	c.loaded = true
	c.publish()
	return nil
}

func (c *controller) release() { <-c.turn }

// wrap names the controller, and its action if it has one, in an error. The
// caller has the turn.
func (c *controller) wrap(err error) error {
	switch err = classified(err); {
	case err == nil:
		return nil
	case c.state.Action != nil:
		return fmt.Errorf("hawkbit controller %s action %s: %w", c.id, c.state.Action.ID, err)
	}
	return fmt.Errorf("hawkbit controller %s: %w", c.id, err)
}

// classified adds to an error of the server the sentinel of package firmware that
// callers react to. An error without sentinel says that the server is away.
func classified(err error) error {
	switch {
	case ddi.Denied(err):
		return fmt.Errorf("%w: %w: check the token file and the tenant in firmware.hawkbit, and that "+
			"the tenant allows this kind of token", err, firmware.ErrDenied)
	case ddi.Status(err) == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: %w", err, firmware.ErrDigest)
	}
	return err
}
