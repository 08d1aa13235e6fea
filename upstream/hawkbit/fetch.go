package hawkbit

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"havn/firmware"
)

// Fetch implements firmware.Source. An image is downloaded through m.Origin, or
// through another open action with the same image where that is closed: the
// server gives artifacts to open actions only, else ErrNotFound. Reads resume a
// download that breaks.
func (s *Source) Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	from := m.Origin
	rc, err := s.open(ctx, from, m)
	if gone(err) {
		s.withdraw(m.Digest, from)
		if other, ok := s.provider(m.Digest); ok {
			from = other
			rc, err = s.open(ctx, from, m)
		}
	}
	if gone(err) {
		err = fmt.Errorf("%w: %w: no open action has it; assign it again",
			firmware.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("hawkbit controller %s action %s: image %s: %w",
			from.Repository, from.Manifest, m.Digest.Short(), err)
	}
	return rc, nil
}

// open begins a download. The server counts a full GET among the entries of the
// action, but no GET with a Range: where the action has its fill, that goes on.
func (s *Source) open(ctx context.Context, o firmware.Origin, m firmware.Metadata) (
	*download, error) {
	u, err := url.Parse(o.Path)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: no URL to download from: %q", firmware.ErrInvalid, o.Path)
	}
	d := &download{source: s, url: u.String(), size: int64(m.Size)}
	d.ctx, d.end = context.WithCancel(ctx)
	err = d.request()
	if full(err) {
		d.ranged = true
		err = d.request()
	}
	if err != nil {
		d.end()
		return nil, err
	}
	return d, nil
}
