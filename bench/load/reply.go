package load

import (
	"encoding/binary"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// Sizes of a message head (RFC 7252 section 3). The token is the peer's ID.
const (
	headerSize = 4
	tokenSize  = 4
	headSize   = headerSize + tokenSize
)

// First bytes of a message: version 1, the type, the token's length.
const (
	requestHead = 1<<6 | byte(message.Confirmable)<<4 | tokenSize
	replyHead   = 1<<6 | byte(message.Acknowledgement)<<4 | tokenSize
)

// optionCommand names the command in an answer to a Status; Drogue Cloud's.
const optionCommand message.OptionID = 4210

// reply is a piggybacked response. Its slices alias the datagram.
//
// It is read here and not by the library of the server, so that the two do not
// share their mistakes, and because the generator must be faster than what it
// measures.
type reply struct {
	code    codes.Code
	etag    []byte
	format  int // Content-Format; -1 = none
	command []byte
	block2  block.Value
	blocked bool // block2 is present
	payload []byte
}

// parse reads a datagram into r. It takes a 2.05 in an acknowledgement whose
// token has four bytes; message ID and token are the generator's business.
func (r *reply) parse(b []byte) error {
	*r = reply{format: -1}
	if len(b) < headSize || b[0] != replyHead {
		return wrong("no response in an acknowledgement with the request's token: % x", head(b))
	}
	r.code = codes.Code(b[1])
	if err := r.options(b[headSize:]); err != nil {
		return err
	}
	if r.code != codes.Content {
		return wrong("code %d.%02d: %.100q", r.code>>5, r.code&31, r.payload)
	}
	return nil
}

func head(b []byte) []byte { return b[:min(len(b), headSize)] }

// options reads options and payload (RFC 7252 section 3.1).
func (r *reply) options(b []byte) error {
	var number, length int
	for last := 0; len(b) > 0 && b[0] != 0xff; last = number {
		var ok bool
		if number, length, b, ok = optionHead(last, b); !ok {
			return wrong("an option after number %d does not end", last)
		}
		if err := r.option(message.OptionID(number), b[:length]); err != nil {
			return err
		}
		b = b[length:]
	}
	if len(b) == 1 {
		return wrong("a payload marker without payload")
	}
	if len(b) > 0 {
		r.payload = b[1:]
	}
	return nil
}

// optionHead reads the head of an option, whose value is the next length bytes
// of rest.
func optionHead(last int, b []byte) (number, length int, rest []byte, ok bool) {
	delta, length := int(b[0]>>4), int(b[0]&15)
	delta, rest, ok = extended(delta, b[1:])
	if !ok {
		return 0, 0, nil, false
	}
	length, rest, ok = extended(length, rest)
	return last + delta, length, rest, ok && length <= len(rest)
}

// extended completes a nibble of an option's head.
func extended(n int, b []byte) (int, []byte, bool) {
	switch {
	case n < message.ExtendOptionByteCode:
		return n, b, true
	case n == message.ExtendOptionByteCode && len(b) >= 1:
		return message.ExtendOptionByteAddend + int(b[0]), b[1:], true
	case n == message.ExtendOptionWordCode && len(b) >= 2:
		return message.ExtendOptionWordAddend + int(binary.BigEndian.Uint16(b)), b[2:], true
	}
	return 0, nil, false
}

func (r *reply) option(n message.OptionID, value []byte) (err error) {
	switch n {
	case message.ETag:
		if len(value) == 0 || len(value) > maxETag {
			return wrong("an ETag of %d bytes", len(value))
		}
		r.etag = value
	case message.ContentFormat:
		format, _ := block.ParseUint(value)
		r.format = int(format)
	case message.Block2:
		r.blocked = true
		if r.block2, err = block.Parse(value); err != nil {
			return wrong("Block2 %x: %v", value, err)
		}
	case optionCommand:
		r.command = value
	default:
		if n&1 != 0 { // critical (RFC 7252 section 5.4.1)
			return wrong("critical option %d, which nobody asked for", n)
		}
	}
	return nil
}
