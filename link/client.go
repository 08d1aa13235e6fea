package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// ClientConfig is how a server is asked.
type ClientConfig struct {
	CA       File          // authorities that the server must have; no file = the system's
	Compress bool          // see Transport
	Dial     Dial          // see Transport
	Timeout  time.Duration // of a request of Do, to the last byte of the answer; 0 = a minute

	// Authorize puts credentials on a request. It is called before each request
	// leaves, also before a redirected one, and has to look at where that one
	// goes. Nil = no credentials.
	Authorize func(*http.Request) error
	// Redirect decides on a redirect as http.Client.CheckRedirect does. Nil
	// follows none: the redirect is a StatusError.
	Redirect func(req *http.Request, via []*http.Request) error
	// Pause returns how long nothing is to be sent to a server after its answer,
	// 0 = requests go on. Nil = StatusError.Overload.
	Pause func(*StatusError) time.Duration
}

// Client asks servers over HTTP. Its methods may be called concurrently.
//
// An answer that is no success is a *StatusError. Any other error says that
// there was no whole answer. The URL in an error has neither user nor query,
// where passwords and signatures are.
//
// A server that has too much to do is left alone for as long as it asked: requests
// fail with its answer. Of several such servers, only the last is left alone.
type Client struct {
	Timeout time.Duration // see ClientConfig; not to be changed after the first request

	http   http.Client
	pause  func(*StatusError) time.Duration
	paused atomic.Pointer[StatusError] // the last answer that asked for a pause
}

// NewClient returns a client. It reads the authorities, and asks nothing yet.
func NewClient(cfg ClientConfig) (*Client, error) {
	transport := &Transport{CA: cfg.CA, Compress: cfg.Compress, Dial: cfg.Dial}
	if err := transport.Validate(); err != nil {
		return nil, err
	}
	c := &Client{
		http: http.Client{Transport: transport}, pause: cfg.Pause,
		Timeout: cmp.Or(cfg.Timeout, time.Minute),
	}
	if c.pause == nil {
		c.pause = (*StatusError).Overload
	}
	if cfg.Authorize != nil {
		c.http.Transport = authorizer{transport, cfg.Authorize}
	}
	c.http.CheckRedirect = cfg.Redirect
	if cfg.Redirect == nil {
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}
	}
	return c, nil
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Answer is an answer that was a success.
type Answer struct {
	Code   int // 2xx, or 304
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the answer. A body of more than limit bytes is an
// error.
func (c *Client) Do(req *http.Request, limit int64) (Answer, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), c.Timeout,
		fmt.Errorf("timeout: no whole answer within %v: %w", c.Timeout, context.DeadlineExceeded))
	defer cancel()
	resp, err := c.Open(req.WithContext(ctx))
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, limit))
	if err != nil {
		return Answer{}, brokeOff(req, err)
	}
	return Answer{resp.StatusCode, resp.Header, b}, nil
}

// Open sends a request and returns the answer with its body open. The context of
// req bounds the reading of the body too.
func (c *Client) Open(req *http.Request) (*http.Response, error) {
	if err := c.waiting(req.URL.Host, time.Now()); err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, redactedError(req, err)
	}
	if success(resp.StatusCode) {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return nil, brokeOff(req, err)
	}
	return nil, c.refused(newStatusError(resp, body, time.Now()))
}

// refused notes how long nothing is to be sent to a server after its answer.
func (c *Client) refused(e *StatusError) *StatusError {
	if pause := c.pause(e); pause > 0 {
		e.Pause = pause
		again := *e
		again.until = time.Now().Add(pause)
		c.paused.Store(&again)
	}
	return e
}

// waiting returns the answer of host that asked for a pause, with the rest of the
// pause, nil when the pause is over.
func (c *Client) waiting(host string, now time.Time) error {
	last := c.paused.Load()
	if last == nil || last.host != host || !now.Before(last.until) {
		return nil
	}
	again := *last
	again.Pause = last.until.Sub(now)
	return &again
}

func success(code int) bool { return code/100 == 2 || code == http.StatusNotModified }

func brokeOff(req *http.Request, err error) error {
	return fmt.Errorf("%s %s: the answer broke off: %w", req.Method, redacted(req.URL), err)
}

// redactedError is the error of an http.Client without user and query in its URL.
func redactedError(req *http.Request, err error) error {
	var wrapped *url.Error
	if !errors.As(err, &wrapped) {
		return err
	}
	where := req.URL
	if last, failed := url.Parse(wrapped.URL); failed == nil { // where redirects led to
		where = last
	}
	return fmt.Errorf("%s %s: %w", req.Method, redacted(where), wrapped.Err)
}

// authorizer puts credentials on each request that leaves.
type authorizer struct {
	*Transport
	authorize func(*http.Request) error
}

// RoundTrip implements http.RoundTripper. The credentials go on a copy, since
// req belongs to the caller.
func (a authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	authorized := req.Clone(req.Context())
	if err := a.authorize(authorized); err != nil {
		closeBody(req)
		return nil, err
	}
	return a.Transport.RoundTrip(authorized)
}
