package device

import (
	"bytes"
	"errors"
	"slices"

	"github.com/plgd-dev/go-coap/v3/message"

	"havn/coap/block"
)

// errMoved: the gateway has another target than when it sent the manifest.
var errMoved = errors.New("the image is not that of the manifest")

// maxManifest bounds a manifest, in bytes.
const maxManifest = 1024

// transfer is a resource on its way, block by block (RFC 7959 section 2.4).
// It does no I/O.
type transfer struct {
	request Request
	want    *Manifest // of an image; nil for a resource of unknown size
	szx     block.SZX // of the next request
	etag    []byte    // of all blocks, once the first is here
	body    []byte
}

// next returns the request for the block after the body so far.
func (t *transfer) next() Request {
	r := t.request
	r.Options = slices.Clone(r.Options)
	value := block.Value{NUM: uint32(len(t.body)) >> (t.szx + 4), SZX: t.szx}
	r.Options = append(r.Options, message.Option{ID: message.Block2, Value: value.Append(nil)})
	if t.want != nil && len(t.body) == 0 {
		r.Options = append(r.Options, message.Option{ID: message.Size2}) // 0 asks for it (section 4)
	}
	return r
}

// take adds the block in resp and reports whether more follow. It fails with a
// Violation or with errMoved; the transfer is of no use then.
func (t *transfer) take(resp Response) (more bool, err error) {
	v, err := t.block(resp)
	if err != nil {
		return false, err
	}
	if t.want != nil || v.M || v.NUM > 0 {
		if err := t.sameETag(resp); err != nil {
			return false, err
		}
	}
	if t.want != nil && len(t.body) == 0 {
		if err := t.first(resp); err != nil {
			return false, err
		}
	}
	t.szx = v.SZX
	t.body = append(t.body, resp.Payload...)
	return v.M, t.sized(v.M)
}

// block checks that resp is the block that was asked for, at most as large.
func (t *transfer) block(resp Response) (v block.Value, err error) {
	v.SZX = t.szx // an answer without Block2 is a whole body
	if raw, ok := resp.Option(message.Block2); ok {
		if v, err = block.Parse(raw); err != nil {
			return v, Broken(BlockMismatch, "%v", err)
		}
	}
	n, size := len(resp.Payload), v.SZX.Size()
	switch {
	case v.SZX > t.szx:
		err = Broken(BlockMismatch, "blocks of %d bytes, asked for %d", size, t.szx.Size())
	case int(v.Offset()) != len(t.body):
		err = Broken(BlockMismatch, "block at byte %d, asked for %d", v.Offset(), len(t.body))
	case n > size || v.M && n < size:
		err = Broken(BlockMismatch, "%d bytes in a block of %d, more follow: %v", n, size, v.M)
	case n == 0 && v.NUM > 0:
		err = Broken(BlockMismatch, "an empty block at byte %d", len(t.body))
	}
	return v, err
}

// sameETag checks that all blocks are of one representation.
func (t *transfer) sameETag(resp Response) error {
	etag, ok := resp.Option(message.ETag)
	switch {
	case !ok:
		return Broken(ETagMissing, "in the block at byte %d", len(t.body))
	case t.etag == nil:
		t.etag = bytes.Clone(etag)
	case !bytes.Equal(t.etag, etag):
		return Broken(ETagChanged, "from %x to %x at byte %d", t.etag, etag, len(t.body))
	}
	return nil
}

// first checks block 0 of an image against its manifest.
func (t *transfer) first(resp Response) error {
	if !bytes.Equal(t.etag, t.want.Digest.ETag()) {
		return errMoved
	}
	if size, ok := resp.Uint(message.Size2); !ok || size != t.want.Size {
		return Broken(BlockMismatch, "Size2 %d, the manifest says %d", size, t.want.Size)
	}
	return nil
}

// sized checks the length of the body.
func (t *transfer) sized(more bool) error {
	n := len(t.body)
	if t.want == nil {
		if n > maxManifest {
			return Broken(Overrun, "a manifest of more than %d bytes", maxManifest)
		}
		return nil
	}
	size := int(t.want.Size)
	if n > size || more == (n == size) {
		return Broken(BlockMismatch, "%d of %d bytes, more follow: %v", n, size, more)
	}
	return nil
}
