package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"havn/dfu"
	"havn/link"
	"havn/upstream"
	"havn/upstream/drogue"
)

const (
	registryPath = "/api/registry/v1alpha1"
	// PageSize is how many resources are listed per request at most: at a kilobyte
	// each, an answer that a poor link gets through before the timeout.
	PageSize = 100
	// maxAnswer bounds an answer, in bytes: a page of the largest resources
	// that the registry accepts.
	maxAnswer = PageSize * MaxResource
	// MaxResource is the largest resource the registry accepts, in bytes.
	MaxResource = 64 << 10
)

// Client speaks to the device registry. Its methods may be called
// concurrently; each is tried once.
//
// Errors are drogue.ErrAway, drogue.ErrDenied and upstream.ErrRejected, and
// firmware.ErrNotFound where the registry said that there is no such application
// or device.
type Client struct {
	cfg  drogue.RegistryConfig
	base string
	http *link.Client
}

// New returns a client. It asks nothing yet.
func New(cfg drogue.RegistryConfig) (*Client, error) {
	c := &Client{cfg: cfg}
	c.base = strings.TrimSuffix(strings.TrimRight(cfg.URL, "/"), registryPath) + registryPath
	var err error
	c.http, err = link.NewClient(link.ClientConfig{
		CA:       link.File{Key: "upstream.drogue.registry.ca", Path: cfg.CA},
		Compress: true, Timeout: drogue.Timeout, Authorize: c.authorize,
	})
	return c, err
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.Close() }

// Application reads one application.
func (c *Client) Application(ctx context.Context, name string) (*Resource, error) {
	return c.get(ctx, applicationPath(name))
}

// Device reads one device.
func (c *Client) Device(ctx context.Context, dev dfu.Device) (*Resource, error) {
	return c.get(ctx, devicePath(dev))
}

// Update writes dev back. It fails with ErrConflict if somebody else wrote it
// since it was read.
func (c *Client) Update(ctx context.Context, dev dfu.Device, r *Resource) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	if len(body) > MaxResource {
		return fmt.Errorf("%w: the device is %d bytes of JSON, the registry takes %d: "+
			"remove something from it", upstream.ErrRejected, len(body), MaxResource)
	}
	_, err = c.do(ctx, http.MethodPut, devicePath(dev), body)
	return err
}

func applicationPath(name string) string { return "/apps/" + url.PathEscape(name) }

func devicePath(dev dfu.Device) string {
	return applicationPath(dev.Application) + "/devices/" + url.PathEscape(dev.Name)
}

func (c *Client) get(ctx context.Context, path string) (*Resource, error) {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	var r Resource
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, c.notDrogue(path, err)
	}
	return &r, nil
}

// do sends one request and returns the body of a good answer.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req, maxAnswer)
	if status, ok := errors.AsType[*link.StatusError](err); ok {
		return nil, c.refusal(status, path)
	}
	if err != nil {
		return nil, drogue.Away(ctx, "device registry", err)
	}
	return answer.Body, nil
}

// authorize puts the account on a request: exactly one form, as the server
// refuses several.
func (c *Client) authorize(req *http.Request) error {
	token, err := link.File{Key: "upstream.drogue.registry.token_file", Path: c.cfg.TokenFile}.Token()
	switch {
	case err != nil:
		return err
	case c.cfg.User != "":
		req.SetBasicAuth(c.cfg.User, token)
	case token != "":
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

func (c *Client) notDrogue(path string, err error) error {
	return fmt.Errorf("device registry: %s: %w: %w: %w", path, drogue.ErrAway, drogue.ErrOdd, err)
}
