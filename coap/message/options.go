package message

import (
	"encoding/binary"

	coap "github.com/plgd-dev/go-coap/v3/message"

	"havn/identity"
)

// Options that are not in every registry: Drogue Cloud's own.
const (
	OptionAuthorization coap.OptionID = 4209 // the text of an HTTP Authorization header
	OptionCommand       coap.OptionID = 4210 // name of the command in the payload
)

// payloadMarker ends the options where a payload follows.
const payloadMarker = 0xff

// options walks the options of a message (RFC 7252 section 3.1). After the
// last call of next, rest is empty or begins with the payload marker, unless
// malformed is set.
type options struct {
	rest      []byte
	number    coap.OptionID
	value     []byte
	malformed bool
}

// next steps to the next option and reports whether there is one.
func (o *options) next() bool {
	if len(o.rest) == 0 || o.rest[0] == payloadMarker {
		return false
	}
	head := o.rest[0]
	o.rest = o.rest[1:]
	delta := o.extended(head >> 4)
	length := o.extended(head & 15)
	number := int(o.number) + delta
	if o.malformed || number > 0xffff || length > len(o.rest) {
		o.malformed = true
		return false
	}
	o.number = coap.OptionID(number)
	o.value, o.rest = o.rest[:length], o.rest[length:]
	return true
}

// extended completes a delta or length whose nibble is given.
func (o *options) extended(nibble byte) int {
	switch {
	case nibble < coap.ExtendOptionByteCode:
		return int(nibble)
	case nibble == coap.ExtendOptionByteCode && len(o.rest) >= 1:
		n := int(o.rest[0])
		o.rest = o.rest[1:]
		return n + coap.ExtendOptionByteAddend
	case nibble == coap.ExtendOptionWordCode && len(o.rest) >= 2:
		n := int(binary.BigEndian.Uint16(o.rest))
		o.rest = o.rest[2:]
		return n + coap.ExtendOptionWordAddend
	}
	o.malformed = true
	return 0
}

// critical reports whether a server that does not understand the option must
// refuse the message (RFC 7252 section 5.4.6).
func critical(n coap.OptionID) bool { return n&1 != 0 }

// lengths bounds the value of an option; outside of them an option counts as
// one that is not understood (RFC 7252 section 5.4.3).
type lengths struct{ min, max int }

// understood returns the bounds of the options that a request may carry, and
// false for all others. Conditional requests (If-Match, If-None-Match) are
// among the others: 4.02 says that the condition was not looked at, whereas 4.12
// would say that it does not hold.
func understood(n coap.OptionID) (l lengths, ok bool) {
	switch n {
	case coap.URIHost:
		return lengths{1, 255}, true
	case coap.URIPort, coap.ContentFormat, coap.Accept:
		return lengths{0, 2}, true
	case coap.URIPath, coap.URIQuery:
		return lengths{0, 255}, true
	case coap.ETag:
		return lengths{1, 8}, true
	case coap.Block1, coap.Block2:
		return lengths{0, 3}, true
	case coap.Size2:
		return lengths{0, 4}, true
	case coap.ProxyURI:
		return lengths{1, 1034}, true
	case coap.ProxyScheme:
		return lengths{1, 255}, true
	case OptionAuthorization:
		return lengths{1, identity.MaxAuthorization}, true
	}
	return lengths{}, false
}

// repeatable reports whether an understood option may occur more than once.
func repeatable(n coap.OptionID) bool {
	return n == coap.URIPath || n == coap.URIQuery || n == coap.ETag
}
