package device

import (
	"context"
	"errors"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/firmware"
)

// errRebooted: the device lost the transfer under way.
var errRebooted = errors.New("the device rebooted")

// pull reads the manifest and, if it names another image than the one that
// runs, fetches that and swaps to it.
func (d *Device) pull(ctx context.Context, c *CoAP) (time.Duration, error) {
	m, err := d.manifest(ctx, c)
	if err == nil && d.runs(m) {
		d.answered(true)
		return d.cfg.Backoff, nil
	}
	if err == nil {
		err = d.download(ctx, c, m)
	}
	var code *CodeError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &code) && code.Code == codes.NotFound:
		d.answered(false)
		return d.cfg.Backoff, nil
	case errors.Is(err, errMoved) && d.moved != m.Digest:
		d.moved = m.Digest
		return 0, nil
	case errors.Is(err, errMoved):
		err = Broken(ETagWrong, "not the first 8 bytes of %v", m.Digest)
	case errors.Is(err, errRebooted):
		return 0, nil
	}
	return d.failed(ctx, err)
}

// manifest asks what the device should run, and tells what it does run.
func (d *Device) manifest(ctx context.Context, c *CoAP) (Manifest, error) {
	t := &transfer{szx: d.szx, request: Request{
		Code:  codes.GET,
		Path:  []string{"fw", c.Device.Application, c.Device.Name, "manifest"},
		Query: []string{"version=" + d.State().Version},
	}}
	if err := d.fetch(ctx, c, t, func() error { return nil }); err != nil {
		return Manifest{}, err
	}
	return ParseManifest(t.body)
}

// runs reports whether the device has what m names, even under another name.
func (d *Device) runs(m Manifest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.Version == m.Version || d.image != nil && d.digest == m.Digest
}

// answered notes the gateway's view when there is nothing to fetch.
func (d *Device) answered(inSync bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.InSync, d.state.Idle = inSync, !inSync
}

// download fetches the image of m and boots it.
func (d *Device) download(ctx context.Context, c *CoAP, m Manifest) error {
	boots, err := d.begin(m)
	if err != nil {
		return err
	}
	t := &transfer{szx: d.szx, want: &m, request: Request{
		Code: codes.GET,
		Path: []string{"fw", c.Device.Application, c.Device.Name},
	}}
	received := 0
	err = d.fetch(ctx, c, t, func() error {
		fresh := len(t.body) - received
		received = len(t.body)
		return d.advance(boots, fresh, m.Size)
	})
	if err != nil {
		d.drop(boots)
		return err
	}
	return d.install(boots, m, t.body)
}

// begin starts an update and counts the boots before it.
func (d *Device) begin(m Manifest) (boots int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.Size > maxFlash {
		return 0, Broken(Overrun, "an image of %d bytes, the flash has %d", m.Size, maxFlash)
	}
	if d.state.Swaps > 0 && m.Digest == d.swapped {
		d.note(Broken(SentAgain, "version %q after its swap", m.Version))
	}
	d.state.Target, d.state.Offset = m.Version, 0
	d.state.InSync, d.state.Idle = false, false
	return d.boots, nil
}

// advance counts one block.
func (d *Device) advance(boots, fresh int, size uint32) error {
	d.mu.Lock()
	rebooted := boots != d.boots
	if !rebooted {
		d.state.Offset += uint32(fresh)
		d.bytes += uint64(fresh)
		d.chunks++
	}
	offset := d.state.Offset
	d.mu.Unlock()
	if rebooted {
		return errRebooted
	}
	d.progress(offset, size)
	return nil
}

// drop forgets a transfer that failed.
func (d *Device) drop(boots int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if boots == d.boots {
		d.state.Target, d.state.Offset = "", 0
	}
}

// install verifies a whole image and boots it.
func (d *Device) install(boots int, m Manifest, image []byte) error {
	digest := sum(image)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case boots != d.boots:
		return errRebooted
	case digest != m.Digest:
		d.reboot()
		return Broken(BadChecksum, "%v for %q, what came has %v", m.Digest, m.Version, digest)
	}
	d.moved = firmware.Digest{}
	d.boot(m.Version, image, digest)
	return nil
}

// fetch runs a transfer to its end and calls each after every block. What may
// pass is waited for.
func (d *Device) fetch(ctx context.Context, c *CoAP, t *transfer, each func() error) error {
	for more := true; more; {
		resp, err := c.do(ctx, t.next())
		if err != nil {
			if err := d.retry(ctx, err); err != nil {
				return err
			}
			continue
		}
		d.record(oversize(resp)...)
		if more, err = t.take(resp); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
	return nil
}

// retry waits until the request that failed with err is worth repeating.
func (d *Device) retry(ctx context.Context, err error) error {
	pause, err := d.failed(ctx, err)
	if err != nil {
		return err
	}
	return d.pause(ctx, pause)
}
