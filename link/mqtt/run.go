package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/link"
)

const (
	// stable is how long a connection has to last for the next failure to count as
	// a first one. A refused filter is tried again after the same time.
	stable = time.Minute
	// takenOver is how many failures a takeover counts for. Two clients with one
	// identity would otherwise end each other's connections as fast as they can.
	takenOver = 5
)

// Run keeps the session until ctx ends, which is no error. Call it once.
func (c *Client) Run(ctx context.Context) error {
	defer c.set(nil, errClosed)
	pace := link.NewBackoff(c.parts.Pace.First, c.parts.Pace.Last)
	for ctx.Err() == nil {
		began := time.Now()
		err := c.live(ctx)
		if ctx.Err() != nil {
			break
		}
		c.complain(err)
		if time.Since(began) > stable {
			pace.Reset()
		}
		select {
		case <-time.After(c.wait(pace, err)):
		case <-c.pokes:
		case <-ctx.Done():
		}
	}
	return nil
}

// wait returns how long to wait after a failure.
func (c *Client) wait(pace *backoff.ExponentialBackOff, err error) time.Duration {
	if errors.Is(err, errTakenOver) {
		c.parts.Stats.Takeovers.Add(1)
		for range takenOver {
			pace.NextBackOff()
		}
	}
	return pace.NextBackOff()
}

// complain logs a failure, unless the same failure was logged last.
func (c *Client) complain(err error) {
	c.parts.Stats.Failures.Add(1)
	if text := said(err); text != c.said {
		c.said = text
		c.parts.Log.Warn("no session with the MQTT broker; nothing is sent or received before a "+
			"later try succeeds",
			slog.String("url", c.cfg.URL), slog.String("error", text))
	}
}

// said is the text of err without our own port, which differs each time.
func said(err error) string {
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Source != nil {
		text = strings.ReplaceAll(text, op.Source.String()+"->", "")
	}
	return text
}

// live connects and returns why the connection ended.
func (c *Client) live(ctx context.Context) error {
	alive, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s, protocol, err := c.connect(alive, fail)
	if err != nil {
		c.set(nil, err)
		return err
	}
	defer s.close()
	c.parts.Stats.Connections.Add(1)
	conn := &connection{s, alive, fail}
	c.set(conn, nil)
	c.attend(conn, slog.String("protocol", protocol))
	c.set(nil, context.Cause(alive))
	return context.Cause(alive)
}

// attend keeps the filters subscribed until the connection ends.
func (c *Client) attend(conn *connection, protocol slog.Attr) {
	granted := map[string]bool{}
	defer func() {
		for filter := range granted {
			c.parts.Granted(filter, false)
		}
	}()
	for conn.alive.Err() == nil {
		again := c.settled(conn, c.subscribe(conn, granted), protocol)
		select {
		case <-conn.alive.Done():
		case <-c.pokes:
		case <-again:
		}
	}
}

// settled notes whether all filters are granted, and returns when to try again.
func (c *Client) settled(conn *connection, refused error, protocol slog.Attr) <-chan time.Time {
	was := c.Connected()
	ready := refused == nil && conn.alive.Err() == nil
	if c.setReady(ready); ready && !was {
		c.said = ""
		c.parts.Log.Info("MQTT broker connected", slog.String("url", c.cfg.URL), protocol)
	}
	if refused == nil {
		return nil
	}
	c.complain(refused)
	return time.After(stable)
}

// subscribe asks for the filters that are not granted yet. After a refusal it goes
// on with the next filter; any other failure ends the connection.
func (c *Client) subscribe(conn *connection, granted map[string]bool) (refused error) {
	for _, filter := range c.parts.Filters() {
		if granted[filter] {
			continue
		}
		err := conn.subscribe(conn.alive, filter, c.parts.QoS)
		if err == nil {
			granted[filter] = true
			c.parts.Granted(filter, true)
			continue
		}
		err = fmt.Errorf("subscribe to %q: %w", filter, err)
		if !errors.As(err, new(Refusal)) {
			conn.fail(err)
			return nil
		}
		refused = errors.Join(refused, err)
	}
	return refused
}
