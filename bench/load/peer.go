package load

import "encoding/binary"

// MaxPeers bounds the peers and the endpoints of a generator: a peer takes 40
// bytes of memory.
const MaxPeers = 1 << 20

// maxETag is the longest ETag of CoAP (RFC 7252 section 5.10.6).
const maxETag = 8

// idle is the slot of a peer that waits for no answer.
const idle = -1

// Peer is one device in lock-step. Its ID is its token too.
type Peer struct {
	ID     uint32
	Offset uint32 // of the next byte of firmware it wants

	mid  uint16 // of the request under way, or of the next one
	late uint8  // requests sent again, whose first answer may still come
	tag  uint8  // bytes of etag
	etag [maxETag]byte
	slot int32 // in Generator.flying, or idle
	sent int64 // when the request under way was sent, as Generator.now
}

// Transfer is what the peers of a generator do. Its methods are called for one
// peer at a time, never allocate and keep nothing of the slices they get.
type Transfer interface {
	// AppendRequest appends the message of p's next request. Its head, type,
	// message ID and token, is in b already, with the code left open.
	AppendRequest(b []byte, p *Peer) []byte
	// Check judges the answer to that request: a datagram of at least a head's
	// length that carries the message ID and token of p. It moves p on to its
	// next request and returns the bytes of firmware received, or fails with
	// ErrWrong.
	Check(p *Peer, datagram []byte) (int, error)
}

// appendHead appends the head of p's request; its code is set by the Transfer.
func (p *Peer) appendHead(b []byte) []byte {
	b = append(b, requestHead, 0)
	b = binary.BigEndian.AppendUint16(b, p.mid)
	return binary.BigEndian.AppendUint32(b, p.ID)
}

// advance moves p by n bytes of an image of size bytes; after its end the next
// transfer starts.
func (p *Peer) advance(n, size int) {
	if p.Offset += uint32(n); int(p.Offset) >= size {
		p.Offset = 0
	}
}
