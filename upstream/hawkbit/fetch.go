package hawkbit

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// Fetch implements firmware.Source. The server gives artifacts to open actions
// only. An image is downloaded through the action of m.Origin, or, once that
// action is closed, through another open action with the same image. The error is
// ErrNotFound where no action is open. Reads resume a download that breaks.
func (s *Source) Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	from := m.Origin
	rc, err := s.open(ctx, from, m)
	if ddi.Gone(err) {
		s.withdraw(m.Digest, from)
		if other, ok := s.provider(m.Digest); ok {
			from = other
			rc, err = s.open(ctx, from, m)
		}
	}
	if ddi.Gone(err) {
		err = fmt.Errorf("%w: %w: no open action has the image; assign it again",
			firmware.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("hawkbit controller %s action %s: image %s: %w",
			from.Repository, from.Manifest, m.Digest.Short(), err)
	}
	return rc, nil
}

// open begins a download.
func (s *Source) open(ctx context.Context, o firmware.Origin, m firmware.Metadata) (
	io.ReadCloser, error) {
	u, err := url.Parse(o.Path)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: no URL to download from: %q", firmware.ErrInvalid, o.Path)
	}
	d, err := s.client.Download(ctx, u, int64(m.Size), func() { s.stats.Resumed.Add(1) })
	if err != nil {
		return nil, classified(err)
	}
	return download{d}, nil
}

// download is a download whose errors carry the sentinels of package firmware.
type download struct{ *ddi.Download }

// Read implements io.Reader.
func (d download) Read(p []byte) (int, error) {
	n, err := d.Download.Read(p)
	return n, classified(err)
}
