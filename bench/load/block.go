package load

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// Block is the Transfer of a Block2 GET: each peer fetches Body from the first
// block to the last, and then again.
type Block struct {
	resources []request
	szx       block.SZX
	body      []byte
}

// request is a request up to the option that changes: the options in front of
// it, and the number of the last of them.
type request struct {
	options []byte
	last    message.OptionID
}

// newRequest encodes options, which are in ascending order.
func newRequest(options message.Options) (request, error) {
	n, _ := options.Marshal(nil) // fails, and says how long they are
	buf := make([]byte, n)
	n, err := options.Marshal(buf)
	if err != nil {
		return request{}, fmt.Errorf("options %v: %w", options, err)
	}
	return request{options: buf[:n], last: options[len(options)-1].ID}, nil
}

// NewBlock returns the transfer of body in blocks of size bytes. Peer i asks
// for the resource i modulo their number; all of them are body.
func NewBlock(resources []Resource, body []byte, size int) (*Block, error) {
	szx := block.ForSize(size)
	switch {
	case szx.Size() != size:
		return nil, fmt.Errorf("block size %d: want 16, 32, 64 ... 1024", size)
	case len(body) == 0 || !szx.Carries(uint32(len(body))):
		return nil, fmt.Errorf("%d bytes cannot be sent in blocks of %d", len(body), size)
	}
	t := &Block{szx: szx, body: body}
	for _, r := range resources {
		if len(r.Path) == 0 {
			return nil, errors.New("the resource has no path")
		}
		encoded, err := newRequest(r.options())
		if err != nil {
			return nil, err
		}
		t.resources = append(t.resources, encoded)
	}
	return t, nil
}

// want is the block that p asks for.
func (t *Block) want(p *Peer) block.Value {
	return block.Value{
		NUM: p.Offset >> (t.szx + 4),
		M:   int(p.Offset)+t.szx.Size() < len(t.body),
		SZX: t.szx,
	}
}

// AppendRequest implements Transfer.
func (t *Block) AppendRequest(b []byte, p *Peer) []byte {
	b[len(b)-headSize+1] = byte(codes.GET)
	r := &t.resources[int(p.ID)%len(t.resources)]
	b = append(b, r.options...)
	at := len(b)
	b = append(b, 0)
	v := t.want(p)
	v.M = false // means nothing in a request
	b = v.Append(b)
	b[at] = byte(message.Block2-r.last)<<4 | byte(len(b)-at-1)
	return b
}

// Check implements Transfer.
func (t *Block) Check(p *Peer, datagram []byte) (int, error) {
	var r reply
	if err := r.parse(datagram); err != nil {
		return 0, err
	}
	v := t.want(p)
	if r.block2 != v || !r.blocked && (v.NUM > 0 || v.M) {
		return 0, wrong("Block2 %+v, want %+v", r.block2, v)
	}
	if err := p.sameETag(r.etag); err != nil {
		return 0, err
	}
	part := t.body[p.Offset:min(int(p.Offset)+t.szx.Size(), len(t.body))]
	if err := sameBytes(r.payload, part, p.Offset); err != nil {
		return 0, err
	}
	p.advance(len(part), len(t.body))
	return len(part), nil
}

// sameETag checks that all blocks of a transfer have the ETag of the first one,
// or none.
func (p *Peer) sameETag(etag []byte) error {
	if p.Offset == 0 {
		p.tag = uint8(copy(p.etag[:], etag))
	}
	if !bytes.Equal(etag, p.etag[:p.tag]) {
		return wrong("ETag %x, that of the first block is %x", etag, p.etag[:p.tag])
	}
	return nil
}

// sameBytes compares what came with the part of the image at offset.
func sameBytes(got, want []byte, offset uint32) error {
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return wrong("%d bytes of payload at offset %d, want %d", len(got), offset, len(want))
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	return wrong("byte %d of the image is %#02x, want %#02x", int(offset)+i, got[i], want[i])
}
