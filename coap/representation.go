package coap

import (
	"hash/crc64"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// representation is what a GET is answered with. ETag and format are those of
// the whole; every block carries them.
type representation struct {
	etag   []byte
	format int
	maxAge uint32 // seconds; 0 = the default of CoAP, 60
	body   []byte
}

// send answers a GET with the block of rep that it asks for, of at most the
// size limit (RFC 7959 section 2.4). A request without Block2 gets the whole
// body if that fits a block, else its first block. It returns the part of the
// body that was sent, nil if the client holds it already.
func (x *exchange) send(rep *representation, limit block.SZX) ([]byte, error) {
	r := &x.req
	if r.Block2.NUM == 0 && r.HasETag(rep.etag) {
		x.begin(codes.Valid)
		x.reply.ETag(rep.etag)
		x.maxAge(rep)
		return nil, nil
	}
	v, err := x.choose(uint32(len(rep.body)), limit)
	if err != nil {
		return nil, err
	}
	part := rep.body[v.Offset():]
	if v.M = len(part) > v.SZX.Size(); v.M {
		part = part[:v.SZX.Size()]
	}
	x.begin(codes.Content)
	x.reply.ETag(rep.etag)
	x.reply.ContentFormat(rep.format)
	x.maxAge(rep)
	blockwise := r.Block2.Set || v.M
	if blockwise {
		x.reply.Block2(v)
	}
	if r.Size2 || (blockwise && v.NUM == 0) {
		x.reply.Size2(uint32(len(rep.body)))
	}
	x.reply.Payload(part)
	return part, nil
}

func (x *exchange) maxAge(rep *representation) {
	if rep.maxAge != 0 {
		x.reply.MaxAge(rep.maxAge)
	}
}

// choose returns the block of a body of size bytes that the request asks for.
// It is never larger than asked for, and starts where asked for.
func (x *exchange) choose(size uint32, limit block.SZX) (block.Value, error) {
	v := block.Value{SZX: limit}
	if x.req.Block2.Set {
		v = x.req.Block2.Within(limit)
	}
	if !v.SZX.Carries(size) {
		return v, x.tooManyBlocks(size)
	}
	if v.NUM > 0 && v.Offset() >= size {
		return v, errPastEnd
	}
	return v, nil
}

func (x *exchange) tooManyBlocks(size uint32) error {
	smallest, ok := block.Fitting(size)
	if !ok {
		return errTooLarge
	}
	x.number = uint32(smallest.Size())
	return errManyBlocks
}

var etagTable = crc64.MakeTable(crc64.ECMA)

// appendETag appends the ETag of a body that has no digest.
func appendETag(b, body []byte) []byte {
	sum := crc64.Checksum(body, etagTable)
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(sum>>shift))
	}
	return b
}
