package device

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"
)

// What a caller of Do reacts to.
var (
	// ErrTimeout: no answer in MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2).
	ErrTimeout = errors.New("no answer from the gateway")
	// ErrReset: the gateway rejected the message itself (RFC 7252 section 4.2).
	ErrReset = errors.New("the gateway answered with a reset")
	// ErrBadOption: the answer has a critical option nobody knows.
	ErrBadOption = errors.New("answer with an unknown critical option")
)

// errSilence: nothing arrived until the deadline.
var errSilence = errors.New("silence")

// Transmission holds the parameters of RFC 7252 section 4.8; zero values
// stand for its defaults.
type Transmission struct {
	AckTimeout    time.Duration // ACK_TIMEOUT, 2 s
	MaxRetransmit int           // MAX_RETRANSMIT, 4
}

// randomFactor is ACK_RANDOM_FACTOR.
const randomFactor = 1.5

// wait returns MAX_TRANSMIT_WAIT: how long an answer may take.
func (t Transmission) wait() time.Duration {
	spans := int64(1)<<(t.MaxRetransmit+1) - 1
	return time.Duration(float64(spans) * randomFactor * float64(t.AckTimeout))
}

// bufferSize holds any datagram a device of this kind can use, and shows one
// that is too long.
const bufferSize = 2048

// ClientStats counts datagrams.
type ClientStats struct {
	Sent          uint64 // requests, without retransmissions
	Retransmitted uint64
	Stray         uint64 // received, but no answer to the request under way
	Malformed     uint64 // received, but no CoAP
}

// Client sends one confirmable request after the other over its own socket and
// finds the answers among duplicates and strays. It is not safe for concurrent
// use and needs no goroutine.
type Client struct {
	conn  net.Conn
	times Transmission
	stats ClientStats

	mid   uint16    // of the last request
	token uint32    // of the last request
	acked [8]uint16 // message IDs of the last separate responses
	acks  int       // how many there were

	in, out [bufferSize]byte
	options [maxOptions]message.Option
}

// Dial opens a UDP socket towards HOST:PORT. It sends nothing.
func Dial(address string, t Transmission) (*Client, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w", address, err)
	}
	return NewClient(conn, t), nil
}

// NewClient works over a connection that keeps datagrams apart, such as UDP or
// DTLS, and closes it in Close.
func NewClient(conn net.Conn, t Transmission) *Client {
	if t.AckTimeout <= 0 {
		t.AckTimeout = 2 * time.Second
	}
	if t.MaxRetransmit <= 0 {
		t.MaxRetransmit = 4
	}
	return &Client{conn: conn, times: t, mid: uint16(rand.Uint32()), token: rand.Uint32()}
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Stats returns the counters so far.
func (c *Client) Stats() ClientStats { return c.stats }

// exchange is the request under way.
type exchange struct {
	mid    uint16
	token  [4]byte
	giveUp time.Time
	acked  bool // an empty acknowledgement came: the response is separate
}

// Do sends a confirmable request until it is answered. It fails with
// ErrTimeout, ErrReset, ErrBadOption, the cause of ctx's end, or an error of
// the socket.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	c.mid++
	c.token++
	x := &exchange{mid: c.mid, giveUp: time.Now().Add(c.times.wait())}
	binary.BigEndian.PutUint32(x.token[:], c.token)
	datagram, err := c.encode(x, r)
	if err != nil {
		return Response{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	c.stats.Sent++
	timeout := time.Duration(float64(c.times.AckTimeout) * (1 + rand.Float64()*(randomFactor-1)))
	for attempt := 0; attempt <= c.times.MaxRetransmit; attempt++ {
		if attempt > 0 {
			c.stats.Retransmitted++
		}
		resp, err := c.attempt(ctx, x, datagram, timeout)
		if !errors.Is(err, errSilence) {
			return resp, err
		}
		timeout *= 2
	}
	return Response{}, fmt.Errorf("%w at %v after %d attempts",
		ErrTimeout, c.conn.RemoteAddr(), c.times.MaxRetransmit+1)
}

func (c *Client) encode(x *exchange, r Request) ([]byte, error) {
	n, err := coder.DefaultCoder.Encode(message.Message{
		Type: message.Confirmable, Code: r.Code, MessageID: int32(x.mid), Token: x.token[:],
		Options: r.options(), Payload: r.Payload,
	}, c.out[:])
	if err != nil {
		return nil, fmt.Errorf("request %v: %w", r.Code, err)
	}
	return c.out[:n], nil
}

// attempt sends the request once and waits for its answer; once that is
// announced by an empty acknowledgement, until the exchange is given up.
func (c *Client) attempt(
	ctx context.Context, x *exchange, datagram []byte, timeout time.Duration,
) (Response, error) {
	if err := c.send(datagram); err != nil {
		return Response{}, err
	}
	deadline := time.Now().Add(timeout)
	for {
		if x.acked {
			deadline = x.giveUp
		}
		received, err := c.read(ctx, deadline)
		if x.acked && errors.Is(err, errSilence) {
			return Response{}, fmt.Errorf("%w at %v after its acknowledgement",
				ErrTimeout, c.conn.RemoteAddr())
		}
		if err != nil {
			return Response{}, err
		}
		resp, done, err := c.receive(x, received)
		if done || err != nil {
			return resp, err
		}
	}
}

// read returns the next datagram, or errSilence at the deadline.
func (c *Client) read(ctx context.Context, deadline time.Time) ([]byte, error) {
	for {
		_ = c.conn.SetReadDeadline(deadline) // a closed socket fails in Read
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err := c.conn.Read(c.in[:])
		if err == nil {
			return c.in[:n], nil
		}
		var timeout net.Error
		switch {
		case errors.Is(err, syscall.ECONNREFUSED): // a gateway that restarts
		case !errors.As(err, &timeout) || !timeout.Timeout():
			return nil, fmt.Errorf("read from %v: %w", c.conn.RemoteAddr(), err)
		case ctx.Err() == nil && !time.Now().Before(deadline):
			return nil, errSilence
		}
	}
}

func (c *Client) send(datagram []byte) error {
	_, err := c.conn.Write(datagram)
	if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("send to %v: %w", c.conn.RemoteAddr(), err)
	}
	return nil
}

// receive handles one datagram and returns the response when it is that of x.
func (c *Client) receive(x *exchange, datagram []byte) (resp Response, done bool, err error) {
	m := message.Message{Options: c.options[:0]}
	if _, err := coder.DefaultCoder.Decode(datagram, &m); err != nil {
		c.stats.Malformed++
		return resp, false, nil
	}
	ours := slices.Equal(m.Token, x.token[:]) && m.Code>>5 >= 2 && m.Code>>5 <= 5
	reply := uint16(m.MessageID) == x.mid
	switch {
	case m.Type == message.Reset && reply:
		return resp, false, ErrReset
	case m.Type == message.Acknowledgement && reply && m.Code == codes.Empty:
		x.acked = true
		return resp, false, nil
	case m.Type == message.Acknowledgement && reply && ours, m.Type == message.NonConfirmable && ours:
	case m.Type == message.Confirmable && ours:
		if err := c.acknowledge(uint16(m.MessageID)); err != nil {
			return resp, false, err
		}
	default:
		c.stats.Stray++
		return resp, false, c.refuse(m)
	}
	resp = Response{Code: m.Code, Options: m.Options, Payload: m.Payload, Size: len(datagram)}
	if id, unknown := resp.critical(); unknown {
		return resp, false, fmt.Errorf("%w: %d", ErrBadOption, id)
	}
	return resp, true, nil
}

// acknowledge confirms a separate response and remembers it, since it comes
// again when the acknowledgement is lost.
func (c *Client) acknowledge(mid uint16) error {
	c.acked[c.acks%len(c.acked)] = mid
	c.acks++
	return c.sendEmpty(message.Acknowledgement, mid)
}

// refuse answers a confirmable message that is no answer to the request under
// way; others are ignored.
func (c *Client) refuse(m message.Message) error {
	mid := uint16(m.MessageID)
	switch {
	case m.Type != message.Confirmable:
		return nil
	case slices.Contains(c.acked[:min(c.acks, len(c.acked))], mid):
		return c.sendEmpty(message.Acknowledgement, mid)
	}
	return c.sendEmpty(message.Reset, mid)
}

func (c *Client) sendEmpty(kind message.Type, mid uint16) error {
	return c.send([]byte{0x40 | byte(kind)<<4, byte(codes.Empty), byte(mid >> 8), byte(mid)})
}
