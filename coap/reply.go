package coap

import (
	"encoding/binary"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// reply appends one message to a buffer: header, then options in ascending
// order, then the payload.
type reply struct {
	b     []byte
	start int // of the message in b
	last  message.OptionID
}

// begin writes the header and the token.
func (r *reply) begin(typ message.Type, code codes.Code, mid uint16, token []byte) {
	r.start, r.last = len(r.b), 0
	r.b = append(r.b, 1<<6|byte(typ)<<4|byte(len(token)), byte(code))
	r.b = binary.BigEndian.AppendUint16(r.b, mid)
	r.b = append(r.b, token...)
}

// code returns the code of the message that was begun, Empty if none was.
func (r *reply) code() codes.Code {
	if len(r.b) < r.start+headerSize {
		return codes.Empty
	}
	return codes.Code(r.b[r.start+1])
}

// room returns how many payload bytes still fit.
func (r *reply) room() int { return maxMessage - (len(r.b) - r.start) - 1 }

// take makes a message that was written before the reply.
func (r *reply) take(message []byte) {
	r.start = len(r.b)
	r.b = append(r.b, message...)
}

// message returns the message that was begun.
func (r *reply) message() []byte { return r.b[r.start:] }

// drop takes the message back.
func (r *reply) drop() { r.b = r.b[:r.start] }

// option writes one option.
func (r *reply) option(n message.OptionID, value []byte) {
	r.optionHead(n, len(value))
	r.b = append(r.b, value...)
}

// uint writes an option of format uint.
func (r *reply) uint(n message.OptionID, v uint32) {
	var buf [4]byte
	r.option(n, block.AppendUint(buf[:0], v))
}

// block writes a Block1 or Block2 option.
func (r *reply) block(n message.OptionID, v block.Value) {
	var buf [4]byte
	r.option(n, v.Append(buf[:0]))
}

// payload writes the marker and the payload; an empty payload has no marker.
func (r *reply) payload(p []byte) {
	if len(p) > 0 {
		r.b = append(append(r.b, payloadMarker), p...)
	}
}

func (r *reply) optionHead(n message.OptionID, length int) {
	at, delta := len(r.b), int(n-r.last)
	r.last = n
	r.b = append(r.b, 0)
	head := r.extended(delta)<<4 | r.extended(length)
	r.b[at] = head
}

// extended writes what of a delta or length its nibble does not hold, and
// returns the nibble.
func (r *reply) extended(n int) byte {
	switch {
	case n < message.ExtendOptionByteAddend:
		return byte(n)
	case n < message.ExtendOptionWordAddend:
		r.b = append(r.b, byte(n-message.ExtendOptionByteAddend))
		return message.ExtendOptionByteCode
	}
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(n-message.ExtendOptionWordAddend))
	return message.ExtendOptionWordCode
}

// appendReset appends the rejection of a message (RFC 7252 section 4.2).
func appendReset(b []byte, mid uint16) []byte {
	r := reply{b: b}
	r.begin(message.Reset, codes.Empty, mid, nil)
	return r.b
}
