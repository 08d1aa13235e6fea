package message

import (
	"encoding/binary"
	"sync/atomic"

	coap "github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// MaxSize is the length of the longest reply: it fits one packet of an IPv6 link
// without fragments (RFC 7252 section 4.6).
const MaxSize = 1152

// Content-Formats (RFC 7252 section 12.3, RFC 8949 section 9.4).
const (
	FormatLinks  = 40 // application/link-format
	FormatOctets = 42 // application/octet-stream
	FormatCBOR   = 60 // application/cbor
)

// Reply appends one message to a buffer: header, then options in ascending
// order, then the payload.
type Reply struct {
	B []byte // the buffer, with the message at its end

	start int // of the message in B
	last  coap.OptionID
}

// Begin writes header and token of the response to a request: it rides the ACK of a
// CON (RFC 7252 section 5.2.1), and is a NON of its own to a NON (section 5.2.3),
// with the message ID after the last one, which is ids.
func (r *Reply) Begin(to *Request, code codes.Code, ids *atomic.Uint32) {
	if to.Confirmable() {
		r.begin(coap.Acknowledgement, code, to.id, to.Token)
		return
	}
	r.begin(coap.NonConfirmable, code, uint16(ids.Add(1)), to.Token)
}

func (r *Reply) begin(typ coap.Type, code codes.Code, id uint16, token []byte) {
	r.start, r.last = len(r.B), 0
	r.B = append(r.B, 1<<6|byte(typ)<<4|byte(len(token)), byte(code))
	r.B = binary.BigEndian.AppendUint16(r.B, id)
	r.B = append(r.B, token...)
}

// AppendReset appends the rejection of a message (RFC 7252 section 4.2).
func AppendReset(b []byte, of *Request) []byte {
	r := Reply{B: b}
	r.begin(coap.Reset, codes.Empty, of.id, nil)
	return r.B
}

// Code returns the code of the message that was begun, Empty if none was.
func (r *Reply) Code() codes.Code {
	if len(r.B) < r.start+HeaderSize {
		return codes.Empty
	}
	return codes.Code(r.B[r.start+1])
}

// Room returns how many payload bytes still fit.
func (r *Reply) Room() int { return MaxSize - (len(r.B) - r.start) - 1 }

// Take makes a message that was written before the reply.
func (r *Reply) Take(message []byte) {
	r.start = len(r.B)
	r.B = append(r.B, message...)
}

// Message returns the message that was begun.
func (r *Reply) Message() []byte { return r.B[r.start:] }

// Drop takes the message back.
func (r *Reply) Drop() { r.B = r.B[:r.start] }

// ETag writes the ETag (option 4).
func (r *Reply) ETag(value []byte) { r.option(coap.ETag, value) }

// ContentFormat writes the Content-Format (option 12).
func (r *Reply) ContentFormat(format int) { r.uint(coap.ContentFormat, uint32(format)) }

// MaxAge writes the Max-Age (option 14).
func (r *Reply) MaxAge(seconds uint32) { r.uint(coap.MaxAge, seconds) }

// Block2 writes the Block2 (option 23).
func (r *Reply) Block2(v block.Value) { r.block(coap.Block2, v) }

// Block1 writes the Block1 (option 27).
func (r *Reply) Block1(v block.Value) { r.block(coap.Block1, v) }

// Size2 writes the Size2 (option 28).
func (r *Reply) Size2(bytes uint32) { r.uint(coap.Size2, bytes) }

// Command writes the name of a command (option 4210).
func (r *Reply) Command(name []byte) { r.option(OptionCommand, name) }

// Marker ends the options: the payload is appended to B, and is not empty.
func (r *Reply) Marker() { r.B = append(r.B, payloadMarker) }

// Payload writes the payload.
func (r *Reply) Payload(p []byte) {
	if len(p) > 0 { // an empty payload has no marker
		r.Marker()
		r.B = append(r.B, p...)
	}
}

func (r *Reply) option(n coap.OptionID, value []byte) {
	r.optionHead(n, len(value))
	r.B = append(r.B, value...)
}

func (r *Reply) uint(n coap.OptionID, v uint32) {
	var buf [4]byte
	r.option(n, block.AppendUint(buf[:0], v))
}

func (r *Reply) block(n coap.OptionID, v block.Value) {
	var buf [4]byte
	r.option(n, v.Append(buf[:0]))
}

func (r *Reply) optionHead(n coap.OptionID, length int) {
	at, delta := len(r.B), int(n-r.last)
	r.last = n
	r.B = append(r.B, 0)
	head := r.extended(delta)<<4 | r.extended(length)
	r.B[at] = head
}

// extended writes what of a delta or length its nibble does not hold, and
// returns the nibble.
func (r *Reply) extended(n int) byte {
	switch {
	case n < coap.ExtendOptionByteAddend:
		return byte(n)
	case n < coap.ExtendOptionWordAddend:
		r.B = append(r.B, byte(n-coap.ExtendOptionByteAddend))
		return coap.ExtendOptionByteCode
	}
	r.B = binary.BigEndian.AppendUint16(r.B, uint16(n-coap.ExtendOptionWordAddend))
	return coap.ExtendOptionWordCode
}
