package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"havn/upstream/drogue"
)

// Resources is a list in the making: what was read, or an error at its end.
type Resources = iter.Seq2[*Resource, error]

// Devices lists the devices of an application, by name, in pages of at most
// PageSize.
func (c *Client) Devices(ctx context.Context, application string, page int) Resources {
	return c.list(ctx, applicationPath(application)+"/devices", min(page, PageSize))
}

// list yields the resources under path, in pages of size. Each page but the
// first begins with the last resource of the one before: when that is another
// now, something was added or removed before it, and a resource could be
// skipped, so the listing ends with ErrMoved.
func (c *Client) list(ctx context.Context, path string, size int) Resources {
	return func(yield func(*Resource, error) bool) {
		last, seen := "", 0
		for {
			page, err := c.page(ctx, path, size, max(seen-1, 0))
			if err == nil && seen > 0 && (len(page) == 0 || page[0].Metadata.Name != last) {
				err = fmt.Errorf("device registry: %s: %w", path, ErrMoved)
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

// ErrMoved: the list changed while it was read. It is a drogue.ErrAway.
var ErrMoved = fmt.Errorf("%w: the list changed while it was read", drogue.ErrAway)

func (c *Client) page(
	ctx context.Context, path string, limit, offset int,
) (page []*Resource, err error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
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
