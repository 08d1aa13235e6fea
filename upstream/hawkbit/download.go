package hawkbit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"havn/firmware"
)

const (
	stallTimeout = time.Minute      // longest silence inside a download
	maxResumes   = 6                // in a row that bring less than resumeGain
	resumeGain   = 64 << 10         // bytes
	firstBackoff = time.Second      // before the first resumption; doubles with each
	maxBackoff   = 30 * time.Second // between two resumptions
	maxProblem   = 64 << 10         // bytes of an error body
)

var errStalled = fmt.Errorf("the server sent nothing for %v", stallTimeout)

// download reads an artifact. When the connection breaks or falls silent it goes
// on where it was.
type download struct {
	source *Source
	ctx    context.Context // that of Fetch, ended by Close: it bounds the reads too
	end    context.CancelFunc
	url    string
	size   int64

	body   io.ReadCloser
	cancel context.CancelCauseFunc // ends the request that body belongs to
	cause  context.Context         // of that request
	etag   string
	ranged bool  // ask for a range even from the start
	offset int64 // of the next byte
	gained int64 // offset at the last resumption
	tries  int   // resumptions that gained too little
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.read(p)
		d.offset += int64(n)
		switch {
		case n > 0 || err == nil:
			return n, nil
		case errors.Is(err, io.EOF) && d.offset >= d.size:
			return 0, io.EOF
		}
		if err := d.resume(err); err != nil {
			return 0, fmt.Errorf("download at byte %d of %d: %w", d.offset, d.size, err)
		}
	}
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.drop()
	d.end()
	return nil
}

// read reads from the current body, as long as the server is not silent.
func (d *download) read(p []byte) (int, error) {
	if d.body == nil {
		return 0, io.ErrUnexpectedEOF
	}
	cancel := d.cancel
	timer := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer timer.Stop()
	n, err := d.body.Read(p)
	if err != nil && errors.Is(context.Cause(d.cause), errStalled) {
		err = errStalled
	}
	return n, err
}

// drop ends the current request.
func (d *download) drop() {
	if d.body != nil {
		d.cancel(nil)
		d.body.Close()
		d.body = nil
	}
}

// resume asks for the rest after why, in tries that are further and further
// apart.
func (d *download) resume(why error) error {
	d.drop()
	if d.offset-d.gained >= resumeGain {
		d.tries = 0
	}
	d.gained = d.offset
	for d.tries < maxResumes {
		if err := d.backOff(); err != nil {
			return err
		}
		d.tries++
		d.source.stats.Resumed.Add(1)
		err := d.request()
		if err == nil || final(err) || errors.Is(err, firmware.ErrDenied) {
			return err
		}
		why = err
	}
	return fmt.Errorf("broke off for the %dth time: %w", d.tries, why)
}

func (d *download) backOff() error {
	timer := time.NewTimer(min(firstBackoff<<d.tries, maxBackoff))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// request asks for the bytes from offset on, and makes them the body.
func (d *download) request() error {
	ctx, cancel := context.WithCancelCause(d.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		cancel(nil)
		return err
	}
	if d.ranged || d.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.offset))
	}
	if d.offset > 0 && d.etag != "" {
		req.Header.Set("If-Range", d.etag)
	}
	resp, err := d.source.http.Do(req)
	if err != nil {
		cancel(nil)
		return err
	}
	d.body, d.cancel, d.cause = resp.Body, cancel, ctx
	if err := d.accept(resp); err != nil {
		d.drop()
		return err
	}
	return nil
}

// accept checks that resp is the rest of the artifact.
func (d *download) accept(resp *http.Response) error {
	if tag := resp.Header.Get("ETag"); d.offset == 0 && !strings.HasPrefix(tag, "W/") {
		d.etag = tag
	}
	rest := fmt.Sprintf("bytes %d-", d.offset)
	switch {
	case resp.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), rest):
		return nil
	case resp.StatusCode == http.StatusPartialContent:
		return fmt.Errorf("the server sends %.60q, asked for %s", resp.Header.Get("Content-Range"), rest)
	case resp.StatusCode == http.StatusOK:
		return d.skip(d.offset)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: %w", firmware.ErrDigest, newRefusal(resp, nil))
	}
	b, err := io.ReadAll(io.LimitReader(d.body, maxProblem))
	if err != nil {
		return err
	}
	return d.source.refused(newRefusal(resp, b))
}

// skip passes over the bytes that are here already: the server knows no Range,
// or has another file now, which the reader's check will find.
func (d *download) skip(n int64) error {
	buf := make([]byte, min(n, 32<<10))
	for n > 0 {
		got, err := d.read(buf[:min(n, int64(len(buf)))])
		if n -= int64(got); err != nil && n > 0 {
			return fmt.Errorf("%d bytes before the rest: %w", n, err)
		}
	}
	return nil
}
