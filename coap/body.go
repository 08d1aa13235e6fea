package coap

import (
	"errors"

	"havn/coap/message"
	"havn/identity"
)

// checkBody refuses a body that is not whole. A Block1 that is the whole body is
// served, since some clients always send one. A body in several blocks is 4.13: the
// server is unwilling to assemble it (RFC 7959 section 2.9.3). No answer to a body
// has a second block.
func checkBody(r *message.Request) error {
	switch {
	case r.Block1.Set && (r.Block1.NUM > 0 || r.Block1.M):
		return errSplit
	case r.Block2.NUM > 0:
		return errPastEnd
	}
	return nil
}

// confirm writes that the block of a body was taken.
func (x *exchange) confirm() {
	if x.req.Block1.Set {
		x.reply.Block1(x.req.Block1.Value)
	}
}

// identify returns the device that a request is from. Its names alias claim, which
// is zero.
func (x *exchange) identify(claim *identity.Claim) (identity.Device, error) {
	for q := range x.req.Queries {
		if err := claim.Query(q); err != nil {
			return identity.Device{}, err
		}
	}
	if x.req.Auth != nil {
		if err := claim.Authorization(x.req.Auth); errors.Is(err, identity.ErrCredentials) {
			return identity.Device{}, errCredentials
		} else if err != nil {
			return identity.Device{}, err
		}
	}
	return claim.Device(x.h.application)
}

// room returns how many payload bytes the answer to a body may have.
func (x *exchange) room() int {
	if x.req.Block2.Set {
		return min(x.reply.Room(), x.req.Block2.SZX.Size())
	}
	return x.reply.Room()
}
