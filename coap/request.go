package coap

import (
	"bytes"
	"encoding/binary"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// Sizes of a message (RFC 7252 sections 3 and 4.6).
const (
	headerSize = 4
	maxMessage = 1152 // bytes of a reply: fits one packet of an IPv6 link without fragments
)

// maxSegments is the depth of the deepest resource.
const maxSegments = 4

// unset is the Content-Format or Accept of a request that has none.
const unset = -1

// request is a message as it was received. Its slices alias the datagram.
type request struct {
	typ     message.Type
	code    codes.Code
	mid     uint16
	token   []byte
	options []byte // checked: walking them finds nothing malformed
	payload []byte

	path     [maxSegments][]byte // the first Uri-Path segments
	segments int                 // how many there are, more than maxSegments perhaps
	format   int                 // Content-Format, or unset
	accept   int                 // Accept, or unset
	block1   option
	block2   option
	size2    bool   // Size2 is asked for
	auth     []byte // option 4209

	refused error  // why an option forbids to serve the request
	number  uint32 // completes the text of a refusal that ends with a number
}

// option is a Block1 or Block2 that may be absent.
type option struct {
	block.Value
	set bool
}

// kind is what to do with a datagram.
type kind uint8

const (
	ignored   kind = iota // no answer and nothing wrong: an ACK, a Reset, an empty NON
	malformed             // Reset for a CON, silence for all else
	ping                  // Reset
	served                // a request: it gets a response
)

// parse reads a datagram into r, which is zero.
func (r *request) parse(b []byte) kind {
	if k := r.parseHeader(b); k != served {
		return k
	}
	return r.parseOptions(b[headerSize+len(r.token):])
}

// parseHeader takes header and token. Where the message ID could not be read,
// it leaves r NON, so that nobody is sent a Reset.
func (r *request) parseHeader(b []byte) kind {
	r.typ = message.NonConfirmable
	if len(b) < headerSize || b[0]>>6 != 1 {
		return malformed
	}
	r.typ = message.Type(b[0] >> 4 & 3)
	r.code = codes.Code(b[1])
	r.mid = binary.BigEndian.Uint16(b[2:])
	tokenLength, rest := int(b[0]&15), b[headerSize:]
	switch {
	case r.typ == message.Acknowledgement || r.typ == message.Reset:
		return ignored
	case tokenLength > message.MaxTokenSize || tokenLength > len(rest):
		return malformed
	case r.code == codes.Empty:
		return r.empty(rest)
	case r.code>>5 != 0: // a response, or of a reserved class: neither is expected
		return malformed
	}
	r.token = rest[:tokenLength]
	return served
}

// empty judges a message of code 0.00: it ends with the message ID.
func (r *request) empty(rest []byte) kind {
	switch {
	case len(rest) > 0:
		return malformed
	case r.typ == message.Confirmable:
		return ping
	}
	return ignored
}

// parseOptions takes options and payload in one pass, however many there are.
// The first option that cannot be served is noted, but a format error after it
// still goes first.
func (r *request) parseOptions(b []byte) kind {
	r.format, r.accept = unset, unset
	o := options{rest: b}
	last := message.OptionID(0)
	for o.next() {
		err := r.option(o.number, o.value, o.number == last)
		if r.refused == nil && err != nil {
			r.refuse(err, o.number)
		}
		last = o.number
	}
	if o.malformed || len(o.rest) == 1 {
		return malformed // a payload marker has a payload
	}
	r.options = b[:len(b)-len(o.rest)]
	if len(o.rest) > 0 {
		r.payload = o.rest[1:]
	}
	return served
}

// refuse notes why the request cannot be served.
func (r *request) refuse(err error, n message.OptionID) {
	if r.refused = err; err == errOption {
		r.number = uint32(n)
	}
}

// option takes one option, or returns why the request cannot be served.
func (r *request) option(n message.OptionID, value []byte, again bool) error {
	l, ok := understood(n)
	if !ok || len(value) < l.min || len(value) > l.max || (again && !repeatable(n)) {
		if critical(n) {
			return errOption
		}
		return nil
	}
	return r.set(n, value)
}

// set takes one option that is understood. Observe, Size1, No-Response, Echo
// and Request-Tag are elective: to leave them aside is to serve without them.
func (r *request) set(n message.OptionID, value []byte) (err error) {
	switch n {
	case message.URIPath:
		if r.segments < maxSegments {
			r.path[r.segments] = value
		}
		r.segments++
	case message.ContentFormat:
		r.format = number(value)
	case message.Accept:
		r.accept = number(value)
	case message.Block1:
		if r.code != codes.POST { // it describes a body
			return errOption
		}
		r.block1, err = parseBlock(value)
	case message.Block2:
		r.block2, err = parseBlock(value)
	case message.Size2:
		r.size2 = true
	case message.ProxyURI, message.ProxyScheme:
		err = errProxy
	case optionAuthorization:
		r.auth = value
	}
	return err
}

// first reports whether r asks for the beginning of a representation.
func (r *request) first() bool { return r.block2.NUM == 0 }

// hasETag reports whether the client holds the representation already.
func (r *request) hasETag(etag []byte) bool {
	for o := (options{rest: r.options}); o.next() && o.number <= message.ETag; {
		if o.number == message.ETag && bytes.Equal(o.value, etag) {
			return true
		}
	}
	return false
}

func parseBlock(value []byte) (option, error) {
	v, err := block.Parse(value)
	return option{v, true}, err
}

// number is the value of an option of format uint and at most two bytes.
func number(value []byte) int {
	n, _ := block.ParseUint(value)
	return int(n)
}
