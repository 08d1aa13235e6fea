package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/link"
)

// clientTimeout bounds one request: an assignment may ask the registry first.
const clientTimeout = 30 * time.Second

// maxAnswer bounds an answer in bytes: a page of a thousand devices takes a tenth
// of it.
const maxAnswer = 16 << 20

// Refused is the error of a request that the gateway answered and did not carry
// out. Any other error says that there was no answer.
type Refused struct {
	Code    int    // of HTTP
	Message string // what the gateway says
}

// Error returns what the gateway says.
func (r *Refused) Error() string { return r.Message }

// Client asks the API of a running gateway. Its methods may be called
// concurrently.
type Client struct {
	base string
	http *link.Client
}

// NewClient returns a client of the gateway whose admin HTTP is at base, like
// http://127.0.0.1:8080. The file holds the admin token, where one is needed.
func NewClient(base string, token link.File) (*Client, error) {
	authorize := func(r *http.Request) error {
		word, err := token.Token()
		if word != "" {
			r.Header.Set("Authorization", "Bearer "+word)
		}
		return err
	}
	client, err := link.NewClient(link.ClientConfig{Timeout: clientTimeout, Authorize: authorize})
	if err != nil {
		return nil, err
	}
	return &Client{strings.TrimSuffix(base, "/"), client}, nil
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.Close() }

// Devices returns all devices of an application, of all applications where it is
// empty.
func (c *Client) Devices(ctx context.Context, application string) ([]Device, error) {
	return all[Device](ctx, c, "/api/v1/devices", url.Values{"application": {application}})
}

// Device returns one device.
func (c *Client) Device(ctx context.Context, dev dfu.Device) (d Device, err error) {
	err = c.do(ctx, http.MethodGet, path(dev), nil, &d)
	return d, err
}

// Images returns the images that are held or offered.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	return all[Image](ctx, c, "/api/v1/images", url.Values{})
}

// Summary returns the gateway at a glance.
func (c *Client) Summary(ctx context.Context) (s Summary, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/summary", nil, &s)
	return s, err
}

// Refresh has desired firmware and tags looked up again now.
func (c *Client) Refresh(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/api/v1/refresh", nil, nil)
}

// Assign sets what a device is to run. The name * stands for all devices of the
// application that have nothing of their own.
func (c *Client) Assign(ctx context.Context, dev dfu.Device, s firmware.Spec) error {
	return c.do(ctx, http.MethodPut, path(dev)+"/desired", s, nil)
}

// Unassign takes an assignment back.
func (c *Client) Unassign(ctx context.Context, dev dfu.Device) error {
	return c.do(ctx, http.MethodDelete, path(dev)+"/desired", nil, nil)
}

// Retry lets a failed device try its update again.
func (c *Client) Retry(ctx context.Context, dev dfu.Device) error {
	return c.do(ctx, http.MethodPost, path(dev)+"/retry", nil, nil)
}

// Forget drops what is known of a device.
func (c *Client) Forget(ctx context.Context, dev dfu.Device) error {
	return c.do(ctx, http.MethodDelete, path(dev), nil, nil)
}

func path(dev dfu.Device) string {
	return "/api/v1/devices/" + url.PathEscape(dev.Application) + "/" + url.PathEscape(dev.Name)
}

// all reads a list page by page.
func all[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	items := []T{}
	query.Set("limit", fmt.Sprint(maxLimit))
	for {
		var page Page[T]
		if err := c.do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		if items = append(items, page.Items...); page.Next == "" {
			return items, nil
		}
		query.Set("after", page.Next)
	}
}

// do sends a request. The values in and out may be nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, &body)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(req, maxAnswer)
	switch {
	case err != nil:
		return refused(err)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not that of a gateway: %w", method, path, err)
	}
	return nil
}

// refused turns the answer of a gateway that refuses into a *Refused.
func refused(err error) error {
	var answer *link.StatusError
	if !errors.As(err, &answer) {
		return err
	}
	var body Refusal
	if json.Unmarshal(answer.Body, &body) != nil || body.Error == "" {
		body.Error = answer.Error()
	}
	return &Refused{answer.Code, body.Error}
}
