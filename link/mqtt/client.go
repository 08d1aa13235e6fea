package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrAway: there is no connection, or the connection ended before the broker's
// answer.
var ErrAway = errors.New("the MQTT broker is not connected")

var (
	errNotYet    = errors.New("not connected yet")
	errClosed    = errors.New("the gateway is shutting down")
	errLost      = errors.New("the connection was lost")
	errSilent    = errors.New("no acknowledgement in time")
	errTakenOver = errors.New("another client connected with the same identity: " +
		"every gateway needs an account of its own")
)

// Refusal is the answer of a broker that does not take a message, or does not
// grant a subscription.
type Refusal struct {
	// Reason is the code of PUBACK or SUBACK, 0x80 and above. It is 0 in MQTT
	// 3.1.1, where a broker ends the connection to refuse a message.
	Reason byte
}

// Error implements error.
func (r Refusal) Error() string {
	if r.Reason == 0 {
		return "the connection ended on this message, which in MQTT 3.1.1 may be a refusal"
	}
	return fmt.Sprintf("the broker refused it, reason %#x", r.Reason)
}

// Message is what Deliver sends.
type Message struct {
	Topic       string
	ContentType string // empty = none; MQTT 3.1.1 carries none
	Payload     []byte
}

// Pace is how long a connection may take for its steps.
type Pace struct {
	KeepAlive time.Duration // whole seconds; a dead link is noticed after two of them
	Patience  time.Duration // for an answer of the broker
	First     time.Duration // wait after the first failure: see link.NewBackoff
	Last      time.Duration // longest wait
}

// The paces of a broker, by where the broker is.
var (
	// Near is for a broker at the site, for which devices wait.
	Near = Pace{30 * time.Second, 10 * time.Second, 200 * time.Millisecond, 30 * time.Second}
	// Far is for a cloud behind a link that may be slow and cost money.
	Far = Pace{60 * time.Second, 30 * time.Second, time.Second, 5 * time.Minute}
)

// Stats counts what clients did.
type Stats struct {
	Connections atomic.Uint64 // made, the first one included
	Failures    atomic.Uint64 // to connect, to stay connected or to subscribe
	Takeovers   atomic.Uint64 // connections lost to another client with the same identity
	Retained    atomic.Uint64 // messages ignored as retained
}

// Parts is what a client works with. Callbacks must not block.
type Parts struct {
	Pace    Pace
	Account func() (user, password string, err error) // asked at each connection; nil = Config's

	// Filters returns the topic filters to subscribe to now.
	Filters func() []string
	QoS     byte // of the subscriptions, 0 or 1
	// Granted is told of each filter that its messages come from now on, and at
	// the end of the connection that they come no more. May be nil.
	Granted func(filter string, live bool)
	// Receive takes a message. It is called in the order of the messages, and may
	// keep the payload.
	Receive func(topic string, payload []byte)

	Stats *Stats // nil = of this client alone
	Log   *slog.Logger
}

// Client is a client of one broker. Its methods may be called concurrently.
type Client struct {
	cfg   Config
	parts Parts
	pokes chan struct{} // a connection or filter that failed is to be tried now
	tried chan struct{} // closed when the first attempt to connect has ended
	said  string        // the failure that was logged last

	mu    sync.RWMutex
	conn  *connection // nil = not connected
	ready bool        // every filter is granted
	cause error       // why conn is nil
}

// connection is a session that is in use.
type connection struct {
	session
	alive context.Context // ends with the connection
	fail  context.CancelCauseFunc
}

// New returns a client. It fails where cfg cannot be used, and starts nothing.
func New(cfg Config, p Parts) (*Client, error) {
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	if p.Account == nil {
		p.Account = cfg.account
	}
	if p.Granted == nil {
		p.Granted = func(string, bool) {}
	}
	if p.Stats == nil {
		p.Stats = new(Stats)
	}
	return &Client{
		cfg: cfg, parts: p, cause: errNotYet, pokes: make(chan struct{}, 1), tried: make(chan struct{}),
	}, nil
}

// Stats returns the counters of the client.
func (c *Client) Stats() *Stats { return c.parts.Stats }

// Connected reports whether messages flow both ways.
func (c *Client) Connected() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.conn != nil && c.ready
}

// Retry tries a connection, or a filter, that failed again without waiting.
// Filters is called again.
func (c *Client) Retry() {
	select {
	case c.pokes <- struct{}{}:
	default: // a poke waits already
	}
}

// Publish sends a message with QoS 0. When Publish returns nil, the kernel has the
// message; after any error the message does not reach the broker. The error is
// ErrAway when there is no connection.
func (c *Client) Publish(topic string, payload []byte) error {
	conn, err := c.current()
	if err != nil {
		return err
	}
	return conn.publish(topic, payload)
}

// Deliver sends a message with QoS 1 and returns after the broker's
// acknowledgement. The first messages wait for the first connection. The error is
// a Refusal, the error of ctx, or ErrAway; after the last two the message may
// have arrived.
func (c *Client) Deliver(ctx context.Context, m Message) error {
	select {
	case <-c.tried:
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := c.current()
	if err != nil {
		return err
	}
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(conn.alive, cancel)()
	err = conn.deliver(until, m)
	var refused Refusal
	switch {
	case err == nil || errors.As(err, &refused):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.Canceled):
		err = errLost
	case errors.Is(err, errSilent):
		conn.fail(err)
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

func (c *Client) current() (*connection, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.conn == nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, c.cause)
	}
	return c.conn, nil
}

func (c *Client) set(conn *connection, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.cause, errNotYet) {
		close(c.tried)
	}
	c.conn, c.ready, c.cause = conn, false, cause
}

func (c *Client) setReady(ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = ready
}
