package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"havn/link"
)

const (
	goodbye     = time.Second // for a clean end of a connection
	clientName  = "havn"
	clientBytes = 8 // random, after the name: brokers must take 23 letters and digits
)

var (
	// errDialect: the broker may not know this version of MQTT.
	errDialect = errors.New("the broker does not speak this version of MQTT")
	errAccount = errors.New("the broker does not accept the account: check user name and " +
		"password (some say so too while another client with the same identity is connected)")
)

// session is one connection, in one version of the protocol.
type session interface {
	subscribe(ctx context.Context, filter string, qos byte) error
	publish(topic string, payload []byte) error
	deliver(ctx context.Context, m Message) error
	close() // returns when nothing more is received
}

// hello is what a dialect needs to open a session. It owns conn.
type hello struct {
	conn               net.Conn
	id, user, password string
	pace               Pace
	alive              context.Context
	fail               context.CancelCauseFunc // told why the session ended
	received           func(topic string, payload []byte, retained bool)
}

// lost notes that the connection ended.
func (h *hello) lost(err error) { h.fail(fmt.Errorf("%w: %w", errLost, err)) }

var dialects = [...]struct {
	name string
	open func(context.Context, hello) (session, error)
}{{"MQTT 5", openV5}, {"MQTT 3.1.1", openV3}}

// connect opens a session in the newest version that the broker speaks.
func (c *Client) connect(
	alive context.Context, fail context.CancelCauseFunc,
) (s session, protocol string, err error) {
	h := hello{id: newClientID(), pace: c.parts.Pace, alive: alive, fail: fail, received: c.received}
	if h.user, h.password, err = c.parts.Account(); err != nil {
		return nil, "", err
	}
	for _, d := range dialects {
		if h.conn, err = c.dial(alive); err != nil {
			return nil, "", err
		}
		ctx, cancel := context.WithTimeout(alive, c.parts.Pace.Patience)
		s, err = d.open(ctx, h)
		cancel()
		if err == nil {
			return s, d.name, nil
		}
		if err = fmt.Errorf("%s: %w", d.name, err); !errors.Is(err, errDialect) {
			break
		}
	}
	return nil, "", err
}

// received hands on a message, unless the message is a retained one.
func (c *Client) received(topic string, payload []byte, retained bool) {
	if retained {
		c.parts.Stats.Retained.Add(1)
		return
	}
	c.parts.Receive(topic, payload)
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	address, trust, err := c.cfg.target()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, link.DialTimeout)
	defer cancel()
	if trust == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	conn, err := (&tls.Dialer{Config: trust}).DialContext(ctx, "tcp", address)
	return conn, c.cfg.authorities().Explain(err)
}

// hungUp reports whether the broker ended the connection without an answer, or
// with an answer that is too short for MQTT 5.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET)
}

// newClientID returns another ID each time: a broker ends the connection of the
// first of two clients with one ID.
func newClientID() string {
	var random [clientBytes]byte
	rand.Read(random[:]) // never fails
	return clientName + hex.EncodeToString(random[:])
}
