package ddi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"havn/link"
)

const (
	maxDocument    = 1 << 20     // bytes of a JSON answer
	requestTimeout = time.Minute // of a request and its JSON answer
)

// Config says where the server is.
type Config struct {
	Base  *url.URL // of the controllers: see Base
	Token Token
	CA    link.File // authorities that the server must have; no file = the system's
	Dial  link.Dial // nil = TCP
}

// Client asks one server. Its methods may be called concurrently, and each asks
// once.
//
// An answer that is no success is a *Refusal; any other error says that there
// was no answer, or none of the DDI API.
type Client struct {
	base *url.URL
	http *link.Client
}

// New reads the authorities. The server is not asked yet.
func New(cfg Config) (*Client, error) {
	asked, err := link.NewClient(link.ClientConfig{
		CA: cfg.CA, Dial: cfg.Dial, Timeout: requestTimeout, Redirect: redirect, Pause: pauseAfter,
		Authorize: func(req *http.Request) error { return cfg.Token.authorize(req, cfg.Base) },
	})
	if err != nil {
		return nil, err
	}
	return &Client{base: cfg.Base, http: asked}, nil
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.Close() }

// Controller returns the base resource of a controller.
func (c *Client) Controller(id string) *url.URL { return c.base.JoinPath(url.PathEscape(id)) }

// Poll asks what the server offers to a controller. It returns held, the
// answer before, where the server says that nothing has changed since.
func (c *Client) Poll(ctx context.Context, controller *url.URL, held Poll) (Poll, error) {
	req, err := newRequest(ctx, http.MethodGet, controller, nil)
	if err != nil {
		return Poll{}, err
	}
	if held.etag != "" {
		req.Header.Set("If-None-Match", held.etag)
	}
	a, err := c.do(req)
	switch {
	case err != nil:
		return Poll{}, err
	case held.etag != "" && a.Code == http.StatusNotModified:
		return held, nil
	}
	p, err := parse[Poll](a.Body)
	p.etag = a.Header.Get("ETag")
	return p, err
}

// Deployment reads a deploymentBase or installedBase.
func (c *Client) Deployment(ctx context.Context, resource *url.URL) (Deployment, error) {
	return get[Deployment](ctx, c, resource)
}

// Cancel reads a cancelAction.
func (c *Client) Cancel(ctx context.Context, resource *url.URL) (Cancel, error) {
	return get[Cancel](ctx, c, resource)
}

func get[T any](ctx context.Context, c *Client, u *url.URL) (doc T, err error) {
	req, err := newRequest(ctx, http.MethodGet, u, nil)
	if err != nil {
		return doc, err
	}
	a, err := c.do(req)
	if err != nil {
		return doc, err
	}
	return parse[T](a.Body)
}

// send sends a body whose answer does not matter.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := newRequest(ctx, method, u, b)
	if err == nil {
		_, err = c.do(req)
	}
	return err
}

func newRequest(
	ctx context.Context, method string, u *url.URL, body []byte,
) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/hal+json, application/json;q=0.9")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// do makes one call.
func (c *Client) do(req *http.Request) (link.Answer, error) {
	a, err := c.http.Do(req, maxDocument)
	return a, refusal(err)
}

// open makes one call, and leaves the body of the answer to be read.
func (c *Client) open(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Open(req)
	return resp, refusal(err)
}

// refusal makes a Refusal of an answer.
func refusal(err error) error {
	if status, ok := errors.AsType[*link.StatusError](err); ok {
		return newRefusal(status)
	}
	return err
}

// pauseAfter returns how long the server is left alone after an answer: as long as
// it asked for, and for a while when it says only that this gateway asks too often.
// An action that is full is no reason to leave the server alone.
func pauseAfter(status *link.StatusError) time.Duration {
	switch r := newRefusal(status); {
	case r.full():
		return 0
	case r.throttled():
		return cmp.Or(status.Pause, pause)
	}
	return status.Overload()
}
