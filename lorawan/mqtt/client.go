package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// ErrAway: the broker is not connected.
var ErrAway = errors.New("the MQTT broker is not connected")

var errLost = errors.New("the connection was lost")

// How a connection is made and kept.
const (
	keepAlive   = 30 * time.Second
	timeout     = 10 * time.Second // of the TLS handshake, and of each answer of the broker
	firstRetry  = 200 * time.Millisecond
	lastRetry   = 30 * time.Second
	stable      = time.Minute // a connection this old was a good one: the next retry is a first one
	clientName  = "havn"
	clientBytes = 8 // random, behind the name: brokers must take 23 letters and digits
)

// Receive takes a message. It is called by one goroutine at a time, must not
// block, and may keep the payload.
type Receive func(topic string, payload []byte)

// Stats counts what a client did.
type Stats struct {
	Connections atomic.Uint64 // made, the first one included
	Failures    atomic.Uint64 // to connect or to subscribe
	Retained    atomic.Uint64 // messages ignored as retained
}

// Client is a client of one broker.
type Client struct {
	cfg     Config
	filters []string
	receive Receive
	log     *slog.Logger
	stats   Stats
	dialect int    // index of the dialect that is used or tried next
	said    string // the failure that was logged last

	mu      sync.RWMutex
	session session // nil = not connected
}

// session is one connection, in one version of the protocol.
type session interface {
	subscribe(ctx context.Context, filters []string) error
	publish(topic string, payload []byte) error
	done() <-chan struct{} // closed when the connection is lost
	close()                // returns when nothing more is received
}

// hello is what a dialect needs to open a session. It owns conn.
type hello struct {
	conn               net.Conn
	id                 string
	username, password string
	receive            Receive
	retained           *atomic.Uint64
}

// deliver hands on a message unless it is old.
func (h *hello) deliver(topic string, payload []byte, retained bool) {
	if retained {
		h.retained.Add(1)
		return
	}
	h.receive(topic, payload)
}

var dialects = [...]struct {
	name string
	open func(context.Context, hello) (session, error)
}{{"MQTT 5", openV5}, {"MQTT 3.1.1", openV3}}

// New returns a client that will subscribe to the filters. It fails where cfg
// does not validate, and starts nothing.
func New(cfg Config, filters []string, receive Receive, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("mqtt.%w", err)
	}
	return &Client{cfg: cfg, filters: filters, receive: receive, log: log}, nil
}

// Stats returns the counters of the client.
func (c *Client) Stats() *Stats { return &c.stats }

// Connected reports whether messages flow.
func (c *Client) Connected() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.session != nil
}

// Publish sends a message with QoS 0: when it returns nil, the message is in
// the kernel's hands. It fails with ErrAway when there is no connection; after
// any error the message does not reach the broker.
func (c *Client) Publish(topic string, payload []byte) error {
	c.mu.RLock()
	s := c.session
	c.mu.RUnlock()
	if s == nil {
		return ErrAway
	}
	return s.publish(topic, payload)
}

// Run keeps the session until ctx ends, which is no error. Call it once.
func (c *Client) Run(ctx context.Context) error {
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval = firstRetry, lastRetry
	pace.Reset()
	for ctx.Err() == nil {
		began := time.Now()
		err := c.live(ctx)
		if ctx.Err() != nil {
			break
		}
		if c.complain(err); time.Since(began) > stable {
			pace.Reset()
		}
		select {
		case <-time.After(pace.NextBackOff()):
		case <-ctx.Done():
		}
	}
	return nil
}

// complain logs a failure that is not the one logged last.
func (c *Client) complain(err error) {
	c.stats.Failures.Add(1)
	if text := err.Error(); text != c.said {
		c.said = text
		c.log.Warn("MQTT broker: not connected; tried again, devices wait",
			slog.String("url", c.cfg.URL), slog.Any("error", err))
	}
}

// live connects and returns why the connection ended.
func (c *Client) live(ctx context.Context) error {
	s, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	c.set(s)
	defer c.set(nil)
	if err := s.subscribe(ctx, c.filters); err != nil {
		return fmt.Errorf("subscribe to %q: %w", c.filters, err)
	}
	c.stats.Connections.Add(1)
	c.said = ""
	c.log.Info("MQTT broker connected",
		slog.String("url", c.cfg.URL), slog.String("protocol", dialects[c.dialect].name))
	select {
	case <-ctx.Done():
		return nil
	case <-s.done():
		return errLost
	}
}

func (c *Client) set(s session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
}

// connect opens a session. After a refusal the other dialect is next.
func (c *Client) connect(ctx context.Context) (session, error) {
	password, err := c.cfg.password()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	d := dialects[c.dialect]
	s, err := d.open(ctx, hello{
		conn: conn, id: newClientID(), username: c.cfg.Username, password: password,
		receive: c.receive, retained: &c.stats.Retained,
	})
	if err != nil {
		c.dialect = (c.dialect + 1) % len(dialects)
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return s, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	address, trust, err := c.cfg.target()
	if err != nil {
		return nil, err
	}
	if trust == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{Config: trust}).DialContext(ctx, "tcp", address)
}

// newClientID is another one each time: two clients with one ID throw each
// other out.
func newClientID() string {
	var random [clientBytes]byte
	rand.Read(random[:]) // never fails
	return clientName + hex.EncodeToString(random[:])
}
