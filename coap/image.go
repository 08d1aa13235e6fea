package coap

import (
	"encoding/hex"

	"havn/coap/message"
	"havn/firmware"
	"havn/identity"
	"havn/update/row"
)

// row returns the row of the device in the path.
func (x *exchange) row() (*row.Row, error) {
	application, device := x.req.Path[1], x.req.Path[2]
	if !identity.ValidName(application) || !identity.ValidName(device) {
		return nil, identity.ErrName
	}
	return x.h.engine.Lookup(Protocol, application, device, x.peer.Received), nil
}

// getImage serves a block of the image that the device is to run, or is
// fetching.
func (x *exchange) getImage() error {
	row, err := x.row()
	if err != nil {
		return err
	}
	img, err := x.h.engine.Image(row, x.req.Block2.Offset(), uint32(x.req.Block2.SZX.Size()), x.peer.Received)
	if err != nil {
		return err
	}
	part, err := x.sendImage(img, 0, x.req.Path[1], x.req.Path[2])
	if len(part) > 0 {
		end := x.req.Block2.Offset() + uint32(len(part))
		x.h.engine.Served(row, img, end, x.peer.Received)
	}
	return err
}

// blobMaxAge: a blob never changes. A year is what HTTP caches take for ever.
const blobMaxAge = 365 * 24 * 3600

// getBlob serves a block of an image by its digest, or the beginning of it.
func (x *exchange) getBlob() error {
	digest := x.h.digests.Get().(*firmware.Digest)
	defer x.h.digests.Put(digest)
	want := digest[:]
	if x.req.Segments == 2 {
		want = digest.ETag()
	}
	digits := x.req.Path[x.req.Segments-1]
	if len(digits) != 2*len(want) {
		return errBlobPath
	}
	if _, err := hex.Decode(want, digits); err != nil {
		return errBlobPath
	}
	img, err := x.h.engine.Blob(want, x.peer.Received)
	if err != nil {
		return err
	}
	_, err = x.sendImage(img, blobMaxAge, nil, nil)
	return err
}

// sendImage sends a block of img, and returns its bytes.
func (x *exchange) sendImage(
	img *firmware.Image, maxAge uint32, application, device []byte,
) ([]byte, error) {
	rep := representation{img.Digest.ETag(), message.FormatOctets, maxAge, img.Bytes()}
	limit := x.profile(application, device).block
	part, err := x.send(&rep, limit)
	if len(part) > 0 {
		x.h.counts.Chunk(len(part))
	}
	return part, err
}
