package coap

import (
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/message"
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
	st, err := dfu.ParseStatus(r.Payload)
	if err != nil {
		return err
	}
	row := x.h.engine.Lookup(Protocol, id.Application, id.Name, x.peer.Received)
	x.begin(codes.Content)
	x.reply.ContentFormat(message.FormatCBOR)
	x.confirm()
	x.reply.Command(commandName)
	cmd := x.h.engine.Request(row, &st, x.limits(id), x.peer.Received)
	x.reply.Marker()
	x.reply.B = cmd.Append(x.reply.B)
	if cmd.Op == dfu.OpWrite {
		x.h.counts.Chunk(len(cmd.Data))
	}
	return nil
}

// checkStatus refuses what no Status needs.
func checkStatus(r *message.Request) error {
	if r.Format != message.Unset && r.Format != message.FormatCBOR && r.Format != message.FormatOctets {
		return errFormat
	}
	return checkBody(r)
}

// checkBody refuses a body that is not whole. A Block1 is served where it is the
// whole body, since some clients always send one; a body in several blocks is
// 4.13: the server is unwilling to assemble it (RFC 7959 section 2.9.3). No
// answer to a body has a second block.
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
	for q := range x.req.Queries {
		if err := claim.Query(q); err != nil {
			return identity.Device{}, err
		}
	}
	if x.req.Auth != nil {
		if err := claim.Authorization(x.req.Auth); err == identity.ErrCredentials {
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
