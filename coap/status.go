package coap

import (
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/dfu"
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
	var id identity
	if err := id.read(r, x.h.application); err != nil {
		return err
	}
	st, err := dfu.ParseStatus(r.payload)
	if err != nil {
		return err
	}
	row := x.h.engine.Lookup(
		Protocol, id.application.bytes(), id.device.bytes(), x.peer.Received)
	x.begin(codes.Content)
	x.reply.uint(message.ContentFormat, uint32(message.AppCBOR))
	x.confirm()
	x.reply.option(optionCommand, commandName)
	cmd := x.h.engine.Request(row, &st, x.limits(&id), x.peer.Received)
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
func (x *exchange) limits(id *identity) update.Limits {
	s := x.h.chunks.Load().of(
		x.peer.Addr.Addr(), id.application.bytes(), id.device.bytes())
	return update.Limits{Payload: x.room(), Write: s.write, Align: s.align}
}

// room returns how many payload bytes the answer to a body may have.
func (x *exchange) room() int {
	if x.req.block2.set {
		return min(x.reply.room(), x.req.block2.SZX.Size())
	}
	return x.reply.room()
}
