package http

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/dfu"
)

// Buffer is what devices of the reference family read an answer into, bytes.
const Buffer = 2048

// What a gateway must not do to a device that speaks HTTP.
const (
	OverBuffer  device.Kind = "over receive buffer" // an answer longer than Buffer with its head
	BadLength   device.Kind = "bad Content-Length"  // none, or not that of the body
	SplitAnswer device.Kind = "split answer"        // in more than one TLS record
)

// exchangeTimeout is how long the reference client waits for an answer.
const exchangeTimeout = 40 * time.Second

// Transport is a gateway's HTTP front as one device uses it: the device.Transport
// of device.New.
type Transport struct {
	Address   string      // HOST:PORT of the gateway
	TLS       *tls.Config // nil: none
	Device    dfu.Device  // the user, as DEVICE@APPLICATION
	Password  string
	KeepAlive bool          // one connection for many Statuses; the reference client takes one for each
	Timeout   time.Duration // of one exchange; 40 s when 0

	conn net.Conn // nil: none is open
	buf  [Buffer]byte
}

// Exchange implements device.Transport with a POST to /v1/dfu. A code that is no
// success becomes a *device.CodeError with the same digits.
func (h *Transport) Exchange(ctx context.Context, status []byte) (device.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.Timeout, exchangeTimeout))
	defer cancel()
	answer, err := h.exchange(ctx, status)
	if err != nil || !h.KeepAlive {
		_ = h.Close()
	}
	return answer, err
}

// Close closes the connection, if one is open.
func (h *Transport) Close() error {
	if h.conn == nil {
		return nil
	}
	conn := h.conn
	h.conn = nil
	return conn.Close()
}

func (h *Transport) exchange(ctx context.Context, status []byte) (device.Answer, error) {
	if err := h.connect(ctx); err != nil {
		return device.Answer{}, err
	}
	conn := h.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := h.send(status); err != nil {
		return device.Answer{}, h.broken(err)
	}
	return h.receive()
}

func (h *Transport) connect(ctx context.Context) (err error) {
	switch {
	case h.conn != nil:
		return nil
	case h.TLS != nil:
		h.conn, err = (&tls.Dialer{Config: h.TLS}).DialContext(ctx, "tcp", h.Address)
	default:
		h.conn, err = new(net.Dialer).DialContext(ctx, "tcp", h.Address)
	}
	if err != nil {
		h.conn = nil
		return h.broken(err)
	}
	return nil
}

// broken hides the cause from a device that would take its end for the end of
// all connections: the next Status opens another one.
//
//nolint:errorlint // the cause is hidden on purpose
func (h *Transport) broken(err error) error { return fmt.Errorf("gateway %s: %v", h.Address, err) }

// send writes the request in the pieces in which the reference client does.
func (h *Transport) send(status []byte) error {
	host, _, _ := net.SplitHostPort(h.Address)
	user := device.User(h.Device)
	credentials := base64.StdEncoding.EncodeToString([]byte(user + ":" + h.Password))
	for _, piece := range [...]string{
		"POST", " ", "/v1/dfu?ct=30", " HTTP/1.1\r\n",
		"Authorization: Basic ", credentials, "\r\n",
		"Host", ": ", host, "\r\n",
		"Content-Type", ": ", "application/cbor", "\r\n",
		"Content-Length", ": ", strconv.Itoa(len(status)), "\r\n",
		"\r\n", string(status),
	} {
		if _, err := io.WriteString(h.conn, piece); err != nil {
			return err
		}
	}
	return nil
}

// receive reads one answer.
func (h *Transport) receive() (device.Answer, error) {
	for n, reads := 0, 1; ; reads++ {
		m, err := h.conn.Read(h.buf[n:])
		n += m
		resp, size, parseErr := h.parse(n)
		switch {
		case parseErr != nil:
			return device.Answer{}, parseErr
		case resp != nil && n > size:
			return device.Answer{}, device.Broken(BadLength, "%d bytes, the head says %d", n, size)
		case resp != nil && n == size:
			return h.answer(resp, size, reads)
		case err != nil:
			return device.Answer{}, h.broken(err)
		}
	}
}

// parse returns the head of the n bytes read so far, nil before it is whole,
// and how many bytes the answer has with its body.
func (h *Transport) parse(n int) (resp *http.Response, size int, err error) {
	end := bytes.Index(h.buf[:n], []byte("\r\n\r\n"))
	if end < 0 {
		if n == len(h.buf) {
			err = device.Broken(OverBuffer, "%d bytes of head, and no end", n)
		}
		return nil, 0, err
	}
	end += len("\r\n\r\n")
	resp, err = http.ReadResponse(bufio.NewReader(bytes.NewReader(h.buf[:end])), nil)
	if err != nil {
		return nil, 0, device.Broken(device.Undecodable, "%v", err)
	}
	resp.Body.Close() // there is none in what was read
	size = end + int(resp.ContentLength)
	switch {
	case resp.ContentLength < 0:
		return nil, 0, device.Broken(BadLength, "no Content-Length")
	case size > len(h.buf):
		return nil, 0, device.Broken(OverBuffer, "%d bytes, want at most %d", size, len(h.buf))
	}
	return resp, size, nil
}

// answer returns what a device makes of a whole response. Each read returns
// the bytes of one TLS record at most.
func (h *Transport) answer(resp *http.Response, size, reads int) (device.Answer, error) {
	body := h.buf[size-int(resp.ContentLength) : size]
	if resp.StatusCode < 200 || resp.StatusCode > 202 {
		code := codes.Code(resp.StatusCode/100<<5 | resp.StatusCode%100&31)
		text := fmt.Sprintf("HTTP %s: %s", resp.Status, body)
		return device.Answer{}, &device.CodeError{Code: code, MaxAge: device.DefaultMaxAge, Text: text}
	}
	a := device.Answer{Command: body}
	if name := resp.Header.Get("command"); name != "dfu" {
		a.Violations = append(a.Violations,
			device.Broken(device.NotCommand, "header command is %q, want dfu", name))
	}
	if h.TLS != nil && reads > 1 {
		a.Violations = append(a.Violations,
			device.Broken(SplitAnswer, "%d bytes in %d records", size, reads))
	}
	return a, nil
}
