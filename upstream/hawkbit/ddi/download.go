package ddi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/link"
)

const (
	maxResumes  = 6                // in a row that bring less than resumeGain
	resumeGain  = 64 << 10         // bytes
	firstResume = time.Second      // wait before the first resumption
	lastResume  = 30 * time.Second // longest wait before a resumption
)

// Download reads an artifact. A connection that breaks or falls silent is
// followed by another one that goes on where it was.
type Download struct {
	client *Client
	ctx    context.Context // that of the call, ended by Close: it bounds the reads too
	end    context.CancelFunc
	url    string
	size   int64
	resume func() // told of each resumption

	body   io.ReadCloser // nil = none is open
	etag   string
	ranged bool  // ask for a range even from the start
	offset int64 // of the next byte
	gained int64 // offset at the last resumption
	tries  int   // resumptions that gained too little
	waits  *backoff.ExponentialBackOff
}

// Download begins to read the artifact of size bytes at u. resumed is told of
// each resumption. The server counts a full GET among the entries of the action,
// but no GET with a Range: an action that is full is asked for all in a Range.
func (c *Client) Download(
	ctx context.Context, u *url.URL, size int64, resumed func(),
) (*Download, error) {
	d := &Download{
		client: c, url: u.String(), size: size, resume: resumed,
		waits: link.NewBackoff(firstResume, lastResume),
	}
	d.ctx, d.end = context.WithCancel(ctx)
	err := d.request()
	if Full(err) {
		d.ranged = true
		err = d.request()
	}
	if err != nil {
		d.end()
		return nil, err
	}
	return d, nil
}

// Read implements io.Reader.
func (d *Download) Read(p []byte) (int, error) {
	for {
		n, err := d.read(p)
		d.offset += int64(n)
		switch {
		case n > 0 || err == nil:
			return n, nil
		case errors.Is(err, io.EOF) && d.offset >= d.size:
			return 0, io.EOF
		}
		if err := d.goOn(err); err != nil {
			return 0, fmt.Errorf("download at byte %d of %d: %w", d.offset, d.size, err)
		}
	}
}

// Close implements io.Closer.
func (d *Download) Close() error {
	d.drop()
	d.end()
	return nil
}

func (d *Download) read(p []byte) (int, error) {
	if d.body == nil {
		return 0, io.ErrUnexpectedEOF
	}
	return d.body.Read(p)
}

// drop ends the current request.
func (d *Download) drop() {
	if d.body != nil {
		d.body.Close()
		d.body = nil
	}
}

// goOn asks for the rest after why, in tries that are further and further apart.
func (d *Download) goOn(why error) error {
	d.drop()
	if d.offset-d.gained >= resumeGain {
		d.tries = 0
		d.waits.Reset()
	}
	d.gained = d.offset
	for d.tries < maxResumes {
		if err := d.wait(why); err != nil {
			return err
		}
		d.tries++
		d.resume()
		err := d.request()
		if err == nil || Final(err) || Denied(err) {
			return err
		}
		why = err
	}
	return fmt.Errorf("broke off for the %dth time: %w", d.tries, why)
}

// wait waits before the next try, as long as the server asked for. A long pause
// is left to whoever downloads.
func (d *Download) wait(why error) error {
	asked := link.Pause(why)
	if asked > lastResume {
		return why
	}
	timer := time.NewTimer(max(d.waits.NextBackOff(), asked))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// request asks for the bytes from offset on, and makes them the body.
func (d *Download) request() error {
	req, err := http.NewRequestWithContext(d.ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return err
	}
	if d.ranged || d.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.offset))
	}
	if d.offset > 0 && d.etag != "" {
		req.Header.Set("If-Range", d.etag)
	}
	resp, err := d.client.open(req)
	if err != nil {
		return err
	}
	d.body = resp.Body
	if err := d.accept(resp); err != nil {
		d.drop()
		return err
	}
	return nil
}

// accept checks that resp is the rest of the artifact.
func (d *Download) accept(resp *http.Response) error {
	if tag := resp.Header.Get("ETag"); d.offset == 0 && !strings.HasPrefix(tag, "W/") {
		d.etag = tag
	}
	rest := fmt.Sprintf("bytes %d-", d.offset)
	switch part := resp.Header.Get("Content-Range"); resp.StatusCode {
	case http.StatusPartialContent:
		if !strings.HasPrefix(part, rest) {
			return fmt.Errorf("the server sends %.60q, asked for %s", part, rest)
		}
		return nil
	case http.StatusOK:
		return d.skip(d.offset)
	}
	return fmt.Errorf("the server answers %d to a download", resp.StatusCode)
}

// skip passes over the n bytes that are here already. Their server knows no
// Range, or has another file now, which the check of the digest will find.
func (d *Download) skip(n int64) error {
	buf := make([]byte, min(n, 32<<10))
	for n > 0 {
		got, err := d.read(buf[:min(n, int64(len(buf)))])
		if n -= int64(got); err != nil && n > 0 {
			return fmt.Errorf("%d bytes before the rest: %w", n, err)
		}
	}
	return nil
}
