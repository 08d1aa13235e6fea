package drogue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"havn/dfu"
	"havn/link"
)

const (
	registryPath = "/api/registry/v1alpha1"
	// pageSize is how many resources are listed per request: at a kilobyte
	// each, an answer that a poor link gets through before the timeout.
	pageSize = 100
	// maxAnswer bounds an answer, in bytes: a page of the largest resources
	// that the registry accepts.
	maxAnswer = pageSize * maxResource
	// maxResource is the largest resource the registry accepts, in bytes.
	maxResource = 64 << 10
)

// Client speaks to the device registry. Its methods may be called
// concurrently; each is tried once.
//
// Errors are ErrAway, ErrDenied and ErrRejected, and firmware.ErrNotFound where
// the registry said that there is no such application or device.
type Client struct {
	cfg  RegistryConfig
	base string
	http *link.Client
}

// NewClient returns a client. It asks nothing yet.
func NewClient(cfg RegistryConfig) (*Client, error) {
	asked, err := link.NewClient(link.ClientConfig{
		CA:       link.File{Key: "upstream.drogue.registry.ca", Path: cfg.CA},
		Compress: true, Timeout: requestTimeout, Authorize: cfg.authorize,
	})
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(strings.TrimRight(cfg.URL, "/"), registryPath) + registryPath
	return &Client{cfg: cfg, base: base, http: asked}, nil
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

// Resources is a list in the making: what was read, or an error at its end.
type Resources = iter.Seq2[*Resource, error]

// Applications lists the applications the account may read, by name. labels is
// a selector such as "site=north,!retired"; empty selects all.
func (c *Client) Applications(ctx context.Context, labels string) Resources {
	return c.list(ctx, "/apps", labels, pageSize)
}

// Devices lists the devices of an application, by name.
func (c *Client) Devices(ctx context.Context, application, labels string) Resources {
	return c.list(ctx, applicationPath(application)+"/devices", labels, pageSize)
}

// update writes dev back. It fails with errConflict if somebody else wrote it
// since it was read.
func (c *Client) update(ctx context.Context, dev dfu.Device, r *Resource) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if len(body) > maxResource {
		return fmt.Errorf("%w: the device is %d bytes of JSON, the registry takes %d: "+
			"remove something from it", ErrRejected, len(body), maxResource)
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
		return nil, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req, maxAnswer)
	if status, ok := errors.AsType[*link.StatusError](err); ok {
		return nil, c.refusal(status, path)
	}
	if err != nil {
		return nil, away(ctx, "device registry", err)
	}
	return answer.Body, nil
}

func (c *Client) notDrogue(path string, err error) error {
	return fmt.Errorf("device registry: %s: %w: %w: %w", path, ErrAway, errOdd, err)
}

// list yields the resources under path, in pages of size. Each page but the
// first begins with the last resource of the one before: when that is another
// now, something was added or removed before it, and a resource could be
// skipped, so the listing ends with errMoved.
func (c *Client) list(ctx context.Context, path, labels string, size int) Resources {
	return func(yield func(*Resource, error) bool) {
		last, seen := "", 0
		for {
			page, err := c.page(ctx, path, labels, size, max(seen-1, 0))
			if err == nil && seen > 0 && (len(page) == 0 || page[0].Metadata.Name != last) {
				err = fmt.Errorf("device registry: %s: %w", path, errMoved)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			fresh := page[min(seen, 1, len(page)):]
			for _, r := range fresh {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < size || len(fresh) == 0 {
				return
			}
			last, seen = page[len(page)-1].Metadata.Name, seen+len(fresh)
		}
	}
}

// errMoved: the list changed while it was read.
var errMoved = fmt.Errorf("%w: the list changed while it was read", ErrAway)

func (c *Client) page(
	ctx context.Context, path, labels string, limit, offset int,
) (page []*Resource, err error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	if labels != "" {
		query.Set("labels", labels)
	}
	body, err := c.do(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, c.notDrogue(path, err)
	}
	for _, r := range page {
		if r == nil {
			return nil, c.notDrogue(path, errNoName)
		}
	}
	return page, nil
}
