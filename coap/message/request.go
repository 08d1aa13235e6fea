package message

import (
	"bytes"
	"encoding/binary"
	"errors"

	coap "github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// HeaderSize is the length of a message without token, options and payload.
const HeaderSize = 4

// MaxSegments is the depth of a path up to which its segments are kept.
const MaxSegments = 4

// Unset is the Content-Format or Accept of a request that has none.
const Unset = -1

// Why a request cannot be served; or it is block.ErrReserved. The texts travel to
// the client.
var (
	ErrOption = errors.New("unsupported critical option") // its number is Request.Number
	ErrProxy  = errors.New("this server is no proxy")
)

// Request is a message as it was received. Its slices alias the datagram.
type Request struct {
	Code    codes.Code
	Token   []byte
	Payload []byte

	Path     [MaxSegments][]byte // the first Uri-Path segments
	Segments int                 // how many there are, more than MaxSegments perhaps
	Format   int                 // Content-Format, or Unset
	Accept   int                 // Accept, or Unset
	Block1   Block
	Block2   Block
	Size2    bool   // Size2 is asked for
	Auth     []byte // option 4209

	Refused error  // why an option forbids to serve the request
	Number  uint32 // of that option, where Refused is ErrOption

	typ     coap.Type
	id      uint16
	options []byte // checked: walking them finds nothing malformed
}

// Block is a Block1 or Block2 that may be absent.
type Block struct {
	block.Value
	Set bool
}

// Kind is what to do with a datagram.
type Kind uint8

// The kinds of datagrams.
const (
	Ignored   Kind = iota // no answer and nothing wrong: an ACK, a Reset, an empty NON
	Malformed             // Reset for a CON, silence for all else
	Ping                  // Reset
	Served                // a request: it gets a response
)

// Parse reads a datagram into r, which is zero.
func (r *Request) Parse(b []byte) Kind {
	if k := r.ParseHeader(b); k != Served {
		return k
	}
	return r.parseOptions(b[HeaderSize+len(r.Token):])
}

// ParseHeader takes header and token of a datagram that has been cut. Where the
// message ID could not be read, it leaves r NON, so that nobody is sent a Reset.
func (r *Request) ParseHeader(b []byte) Kind {
	r.typ = coap.NonConfirmable
	if len(b) < HeaderSize || b[0]>>6 != 1 {
		return Malformed
	}
	r.typ = coap.Type(b[0] >> 4 & 3)
	r.Code = codes.Code(b[1])
	r.id = binary.BigEndian.Uint16(b[2:])
	tokenLength, rest := int(b[0]&15), b[HeaderSize:]
	switch {
	case r.typ == coap.Acknowledgement || r.typ == coap.Reset:
		return Ignored
	case tokenLength > coap.MaxTokenSize || tokenLength > len(rest):
		return Malformed
	case r.Code == codes.Empty:
		return r.empty(rest)
	case r.Code>>5 != 0: // a response, or of a reserved class: neither is expected
		return Malformed
	}
	r.Token = rest[:tokenLength]
	return Served
}

// empty judges a message of code 0.00: it ends with the message ID.
func (r *Request) empty(rest []byte) Kind {
	switch {
	case len(rest) > 0:
		return Malformed
	case r.Confirmable():
		return Ping
	}
	return Ignored
}

// parseOptions takes options and payload in one pass, however many there are.
// The first option that cannot be served is noted, but a format error after it
// still goes first.
func (r *Request) parseOptions(b []byte) Kind {
	r.Format, r.Accept = Unset, Unset
	o := options{rest: b}
	last := coap.OptionID(0)
	for o.next() {
		err := r.option(o.number, o.value, o.number == last)
		if r.Refused == nil && err != nil {
			r.refuse(err, o.number)
		}
		last = o.number
	}
	if o.malformed || len(o.rest) == 1 {
		return Malformed // a payload marker has a payload
	}
	r.options = b[:len(b)-len(o.rest)]
	if len(o.rest) > 0 {
		r.Payload = o.rest[1:]
	}
	return Served
}

// refuse notes why the request cannot be served.
func (r *Request) refuse(err error, n coap.OptionID) {
	if r.Refused = err; errors.Is(err, ErrOption) {
		r.Number = uint32(n)
	}
}

// option takes one option, or returns why the request cannot be served.
func (r *Request) option(n coap.OptionID, value []byte, again bool) error {
	l, ok := understood(n)
	if !ok || len(value) < l.min || len(value) > l.max || (again && !repeatable(n)) {
		if critical(n) {
			return ErrOption
		}
		return nil
	}
	return r.set(n, value)
}

// set takes one option that is understood. Observe, Size1, No-Response, Echo
// and Request-Tag are elective: to leave them aside is to serve without them.
func (r *Request) set(n coap.OptionID, value []byte) (err error) {
	switch n {
	case coap.URIPath:
		if r.Segments < MaxSegments {
			r.Path[r.Segments] = value
		}
		r.Segments++
	case coap.ContentFormat:
		r.Format = number(value)
	case coap.Accept:
		r.Accept = number(value)
	case coap.Block1:
		if r.Code != codes.POST { // it describes a body
			return ErrOption
		}
		r.Block1, err = parseBlock(value)
	case coap.Block2:
		r.Block2, err = parseBlock(value)
	case coap.Size2:
		r.Size2 = true
	case coap.ProxyURI, coap.ProxyScheme:
		err = ErrProxy
	case OptionAuthorization:
		r.Auth = value
	}
	return err
}

func parseBlock(value []byte) (Block, error) {
	v, err := block.Parse(value)
	return Block{v, true}, err
}

// number is the value of an option of format uint and at most two bytes.
func number(value []byte) int {
	n, _ := block.ParseUint(value)
	return int(n)
}

// Confirmable reports whether the sender waits for an ACK or a Reset.
func (r *Request) Confirmable() bool { return r.typ == coap.Confirmable }

// Queries yields the Uri-Query options.
func (r *Request) Queries(yield func([]byte) bool) {
	for o := (options{rest: r.options}); o.next(); {
		if o.number == coap.URIQuery && !yield(o.value) {
			return
		}
	}
}

// HasETag reports whether the client holds the representation already.
func (r *Request) HasETag(etag []byte) bool {
	for o := (options{rest: r.options}); o.next() && o.number <= coap.ETag; {
		if o.number == coap.ETag && bytes.Equal(o.value, etag) {
			return true
		}
	}
	return false
}
