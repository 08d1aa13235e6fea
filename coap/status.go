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

// limits returns what the Command may be, once all else is written.
func (x *exchange) limits(id identity.Device) update.Limits {
	return x.profile(id.Application, id.Name).write.Limits(x.room())
}
