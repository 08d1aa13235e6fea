package coap

import (
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/gateway/dfu"
	"havn/gateway/update"
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
	var id identity
	if err := id.read(r, x.h.application); err != nil {
		return err
	}
	st, err := dfu.ParseStatus(r.payload)
	if err != nil {
		return err
	}
	row := x.h.engine.Lookup(
		update.CoAP, id.application.bytes(), id.device.bytes(), x.peer.Received)
	x.begin(codes.Content)
	x.reply.uint(message.ContentFormat, uint32(message.AppCBOR))
	if r.block1.set {
		x.reply.block(message.Block1, r.block1.Value)
	}
	x.reply.option(optionCommand, commandName)
	cmd := x.h.engine.Request(row, &st, x.limits(&id), x.peer.Received)
	x.reply.b = cmd.Append(append(x.reply.b, payloadMarker))
	if cmd.Op == dfu.OpWrite {
		x.h.stats.chunk(len(cmd.Data))
	}
	return nil
}

// checkStatus refuses what no Status needs. A Block1 is served where it is the
// whole body, since some clients always send one; a body in several blocks is
// 4.13: the server is unwilling to assemble it (RFC 7959 section 2.9.3).
func checkStatus(r *request) error {
	switch {
	case r.format != unset && r.format != int(message.AppCBOR) && r.format != int(message.AppOctets):
		return errFormat
	case r.block1.set && (r.block1.NUM > 0 || r.block1.M):
		return errSplitStatus
	case r.block2.NUM > 0:
		return errPastEnd
	}
	return nil
}

// limits returns what the Command may be, once all else is written.
func (x *exchange) limits(id *identity) update.Limits {
	s := x.h.chunks.Load().of(
		x.peer.Addr.Addr(), id.application.bytes(), id.device.bytes())
	room := x.reply.room()
	if x.req.block2.set {
		room = min(room, x.req.block2.SZX.Size())
	}
	return update.Limits{Payload: room, Write: s.write, Align: s.align}
}
