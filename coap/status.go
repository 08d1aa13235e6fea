package coap

import (
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/dfu"
	"havn/identity"
	"havn/update"
)

// commandName is the option 4210 of every answer to a Status.
var commandName = []byte("dfu")

// postStatus answers a Status with a Command: 2.05 to a POST, as Drogue Cloud
// does. The Command is cut to fit one datagram, and one block where the client
// asks for small ones, so that the answer never has a second block.
func (x *exchange) postStatus() error {
	r := &x.req
	if err := checkStatus(r); err != nil {
		return err
	}
	var claim identity.Claim
	id, err := x.identify(&claim)
	if err != nil {
		return err
	}
	st, err := dfu.ParseStatus(r.payload)
	if err != nil {
		return err
	}
	row := x.h.engine.Lookup(Protocol, id.Application, id.Name, x.peer.Received)
	x.begin(codes.Content)
	x.reply.uint(message.ContentFormat, uint32(message.AppCBOR))
	x.confirm()
	x.reply.option(optionCommand, commandName)
	cmd := x.h.engine.Request(row, &st, x.limits(id), x.peer.Received)
	x.reply.b = cmd.Append(append(x.reply.b, payloadMarker))
	if cmd.Op == dfu.OpWrite {
		x.h.counts.Chunk(len(cmd.Data))
	}
	return nil
}

// checkStatus refuses what no Status needs.
func checkStatus(r *request) error {
	if r.format != unset && r.format != int(message.AppCBOR) && r.format != int(message.AppOctets) {
		return errFormat
	}
	return checkBody(r)
}

// checkBody refuses a body that is not whole. A Block1 is served where it is the
// whole body, since some clients always send one; a body in several blocks is
// 4.13: the server is unwilling to assemble it (RFC 7959 section 2.9.3). No
// answer to a body has a second block.
func checkBody(r *request) error {
	switch {
	case r.block1.set && (r.block1.NUM > 0 || r.block1.M):
		return errSplit
	case r.block2.NUM > 0:
		return errPastEnd
	}
	return nil
}

// confirm writes that the block of a body was taken.
func (x *exchange) confirm() {
	if x.req.block1.set {
		x.reply.block(message.Block1, x.req.block1.Value)
	}
}

// limits returns what the Command may be, once all else is written.
func (x *exchange) limits(id identity.Device) update.Limits {
	return x.profile(id.Application, id.Name).write.Limits(x.room())
}

// profile returns the sizes for a device, whose names are nil where none is known.
func (x *exchange) profile(application, device []byte) *profile {
	return x.h.chunks.Load().of(x.peer.Addr.Addr(), application, device)
}

// identify returns the device that a request is from. Its names alias claim, which
// is zero.
func (x *exchange) identify(claim *identity.Claim) (identity.Device, error) {
	for o := (options{rest: x.req.options}); o.next(); {
		if o.number != message.URIQuery {
			continue
		}
		if err := claim.Query(o.value); err != nil {
			return identity.Device{}, err
		}
	}
	if x.req.auth != nil {
		if err := claim.Authorization(x.req.auth); err == identity.ErrCredentials {
			return identity.Device{}, errCredentials
		} else if err != nil {
			return identity.Device{}, err
		}
	}
	return claim.Device(x.h.application)
}

// room returns how many payload bytes the answer to a body may have.
func (x *exchange) room() int {
	if x.req.block2.set {
		return min(x.reply.room(), x.req.block2.SZX.Size())
	}
	return x.reply.room()
}
