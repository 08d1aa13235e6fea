package device

import (
	"fmt"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// Options of Drogue Cloud's CoAP endpoint.
const (
	OptionAuthorization message.OptionID = 4209 // text of an HTTP Authorization header
	OptionCommand       message.OptionID = 4210 // name of the command in the payload
)

// maxOptions is how many options a message may have that the client reads.
const maxOptions = 16

// DefaultMaxAge stands for a Max-Age that is not given (RFC 7252 section 5.10.5).
const DefaultMaxAge = time.Minute

// Request is what a client asks for. Path and Query are the values of one
// Uri-Path or Uri-Query option each; Options are further ones in any order.
type Request struct {
	Code    codes.Code
	Path    []string
	Query   []string
	Options []message.Option
	Payload []byte
}

func (r Request) options() message.Options {
	opts := make(message.Options, 0, len(r.Path)+len(r.Query)+len(r.Options))
	for _, segment := range r.Path {
		opts = opts.Add(message.Option{ID: message.URIPath, Value: []byte(segment)})
	}
	for _, query := range r.Query {
		opts = opts.Add(message.Option{ID: message.URIQuery, Value: []byte(query)})
	}
	for _, option := range r.Options {
		opts = opts.Add(option)
	}
	return opts
}

// Response is the answer to a request. Options and Payload are valid until
// the client's next Do.
type Response struct {
	Code    codes.Code
	Options message.Options
	Payload []byte
	Size    int // bytes of the datagram
}

// Option returns the value of the first option with this number.
func (r Response) Option(id message.OptionID) (value []byte, ok bool) {
	value, err := r.Options.GetBytes(id)
	return value, err == nil
}

// Uint returns the value of an option of format uint.
func (r Response) Uint(id message.OptionID) (value uint32, ok bool) {
	raw, present := r.Option(id)
	if !present {
		return 0, false
	}
	return block.ParseUint(raw)
}

// critical returns an option that the client does not know but must
// (RFC 7252 section 5.4.1).
func (r Response) critical() (message.OptionID, bool) {
	for _, o := range r.Options {
		if o.ID%2 == 1 && o.ID != message.Block1 && o.ID != message.Block2 {
			return o.ID, true
		}
	}
	return 0, false
}

// CodeError is an answer with a code that the device cannot use.
type CodeError struct {
	Code   codes.Code
	MaxAge time.Duration // when to ask again, for 4.29 and 5.03
	Text   string        // diagnostic payload (RFC 7252 section 5.5.2)
}

// Error names the code as the RFCs write it.
func (e *CodeError) Error() string {
	text := fmt.Sprintf("the gateway answered %d.%02d %v", e.Code>>5, e.Code&0x1f, e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// passes reports whether the same request may succeed later.
func (e *CodeError) passes() bool {
	return e.Code == codes.TooManyRequests || e.Code>>5 == 5
}

// content returns nil for 2.05, else a *CodeError.
func (r Response) content() error {
	if r.Code == codes.Content {
		return nil
	}
	e := &CodeError{Code: r.Code, MaxAge: DefaultMaxAge, Text: string(r.Payload)}
	if seconds, ok := r.Uint(message.MaxAge); ok {
		e.MaxAge = time.Duration(seconds) * time.Second
	}
	return e
}
