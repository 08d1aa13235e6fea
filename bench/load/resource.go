package load

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/coap/block"
	"havn/dfu"
)

// ErrNotFound: the server has no such resource.
var ErrNotFound = errors.New("no such resource on the server")

// maxBody bounds what Fetch reads, in bytes.
const maxBody = 64 << 20

// Resource is a path and a query, one value per option.
type Resource struct {
	Path  []string
	Query []string
}

// Firmware is where the gateway has the firmware of a device.
func Firmware(d dfu.Device) Resource {
	return Resource{Path: []string{"fw", d.Application, d.Name}}
}

// ParseResource takes path and query of a coap URL (RFC 7252 section 6.4).
func ParseResource(u *url.URL) Resource {
	var r Resource
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		r.Path = strings.Split(path, "/")
	}
	if u.RawQuery != "" {
		for part := range strings.SplitSeq(u.RawQuery, "&") {
			if plain, err := url.PathUnescape(part); err == nil {
				part = plain
			}
			r.Query = append(r.Query, part)
		}
	}
	return r
}

// String returns the path as it is in a URL.
func (r Resource) String() string { return "/" + strings.Join(r.Path, "/") }

func (r Resource) options() (all message.Options) {
	for _, segment := range r.Path {
		all = append(all, message.Option{ID: message.URIPath, Value: []byte(segment)})
	}
	for _, part := range r.Query {
		all = append(all, message.Option{ID: message.URIQuery, Value: []byte(part)})
	}
	return all
}

// retryAfter is how long Fetch waits for a server that does not have the body yet.
const retryAfter = 50 * time.Millisecond

// Fetch reads the body of r in blocks of size bytes, or less where the server
// says so. It waits while the server says that it fetches the body itself. It
// fails with ErrNotFound, and when ctx ends.
func Fetch(ctx context.Context, c *device.Client, r Resource, size int) ([]byte, error) {
	var body []byte
	for szx := block.ForSize(size); ; {
		resp, err := c.Do(ctx, r.get(block.Value{NUM: uint32(len(body)) >> (szx + 4), SZX: szx}))
		if err != nil {
			return nil, fmt.Errorf("GET %s: %w", r, err)
		}
		if resp.Code == codes.ServiceUnavailable {
			if err := device.Sleep(ctx, retryAfter); err != nil {
				return nil, fmt.Errorf("GET %s: %w: %s", r, err, resp.Payload)
			}
			continue
		}
		v, err := blockOf(resp, uint32(len(body)))
		if err != nil {
			return nil, fmt.Errorf("GET %s: %w", r, err)
		}
		szx, body = v.SZX, append(body, resp.Payload...)
		if !v.M {
			return body, nil
		}
	}
}

func (r Resource) get(v block.Value) device.Request {
	option := message.Option{ID: message.Block2, Value: v.Append(nil)}
	return device.Request{
		Code: codes.GET, Path: r.Path, Query: r.Query, Options: []message.Option{option},
	}
}

// blockOf returns the block in resp, which starts at offset.
func blockOf(resp device.Response, offset uint32) (v block.Value, err error) {
	switch resp.Code {
	case codes.Content:
	case codes.NotFound:
		return v, ErrNotFound
	default:
		return v, refused(resp)
	}
	if raw, ok := resp.Option(message.Block2); ok {
		if v, err = block.Parse(raw); err != nil {
			return v, err
		}
	}
	switch {
	case v.Offset() != offset, v.M && len(resp.Payload) != v.SZX.Size():
		err = wrong("%d bytes in block %+v, asked for offset %d", len(resp.Payload), v, offset)
	case offset > maxBody:
		err = fmt.Errorf("more than %d bytes", maxBody)
	}
	return v, err
}

// Put stores body as r, block by block (RFC 7959 section 2.5).
func Put(ctx context.Context, c *device.Client, r Resource, body []byte) error {
	const szx = block.MaxSZX
	for offset := 0; offset < len(body); offset += szx.Size() {
		end := min(offset+szx.Size(), len(body))
		v := block.Value{NUM: uint32(offset / szx.Size()), M: end < len(body), SZX: szx}
		resp, err := c.Do(ctx, r.put(v, body[offset:end], len(body)))
		if err == nil && resp.Code != putCode(v, resp.Code) {
			err = refused(resp)
		}
		if err != nil {
			return fmt.Errorf("PUT %s: block %d: %w", r, v.NUM, err)
		}
	}
	return nil
}

func (r Resource) put(v block.Value, part []byte, size int) device.Request {
	return device.Request{
		Code: codes.PUT, Path: r.Path, Query: r.Query, Payload: part,
		Options: []message.Option{
			{ID: message.ContentFormat, Value: block.AppendUint(nil, uint32(message.AppOctets))},
			{ID: message.Block1, Value: v.Append(nil)},
			{ID: message.Size1, Value: block.AppendUint(nil, uint32(size))},
		},
	}
}

// putCode returns the code that a block of a PUT is answered with: 2.31 but for
// the last, which may be 2.01 or 2.04.
func putCode(v block.Value, got codes.Code) codes.Code {
	switch {
	case v.M:
		return codes.Continue
	case got == codes.Created:
		return codes.Created
	}
	return codes.Changed
}

func refused(resp device.Response) error {
	return fmt.Errorf("the server answered %d.%02d %s", resp.Code>>5, resp.Code&31, resp.Payload)
}
