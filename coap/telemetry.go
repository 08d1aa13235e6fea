package coap

import (
	"errors"
	"log/slog"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/message"
	"havn/front"
	"havn/identity"
	"havn/telemetry"
)

// notTakenAge is after how many seconds a device may hand in its telemetry again. The
// cause is the configuration, and people need a while to mend it.
const notTakenAge = 60

var errNoUpstream = errors.New("no upstream is configured")

// postTelemetry hands a message on, once, and answers with a command that waits
// for the device. It never waits for one itself, whatever ct says.
func (x *exchange) postTelemetry() error {
	r := &x.req
	if err := checkBody(r); err != nil {
		return err
	}
	var claim identity.Claim
	id, err := x.identify(&claim)
	if err != nil {
		return err
	}
	channel := string(r.Path[1])
	if !telemetry.ValidChannel(channel) {
		return errChannel
	}
	contentType, err := telemetry.MediaType(mediaType(r.Format), r.Payload)
	if err != nil {
		return err
	}
	return x.once(id, channel, contentType)
}

// once answers a message that is new, and gives a copy of a message the same answer.
func (x *exchange) once(id identity.Device, channel, contentType string) error {
	key, kept := x.h.recent.key(x.peer.Addr, x.datagram)
	kept.mu.Lock() // a copy that another reader got waits here for the answer
	defer kept.mu.Unlock()
	if given := kept.find(key, x.peer.Received); given != nil {
		x.h.duplicates.Add(1)
		x.reply.Take(given)
		return nil
	}
	if err := x.handOn(id, channel, contentType); err != nil {
		return err
	}
	x.respond(id)
	kept.add(key, x.reply.Message(), x.peer.Received)
	return nil
}

// handOn gives the payload to the upstream.
func (x *exchange) handOn(id identity.Device, channel, contentType string) error {
	err := errNoUpstream
	if take := x.h.upstream.Telemetry; take != nil {
		err = take(string(id.Application), string(id.Name),
			channel, contentType, x.req.Payload)
	}
	if err == nil {
		return nil
	}
	x.h.complain(front.Untaken, "telemetry is not taken; devices are told to try later", id,
		slog.Any("error", err))
	return errNotTaken
}

// respond writes the response to telemetry that was taken: the first command
// that fits it, or 2.04.
func (x *exchange) respond(id identity.Device) {
	next := x.h.upstream.Commands
	for next != nil {
		name, payload, ok := next(string(id.Application), string(id.Name))
		if !ok {
			break
		}
		if x.command(name, payload) {
			x.h.counts.Commands.Add(1)
			return
		}
		x.h.complain(front.BadCommand, "a command is lost; name and payload must fit one answer", id,
			slog.Group("", slog.String("command", name), slog.Int("bytes", len(payload))))
	}
	x.begin(codes.Changed)
	x.confirm()
}

// maxCommandName is the longest name of a command, as that of a Uri-Path.
const maxCommandName = 255

// command writes a command, as it is, and reports whether it fits: there is no
// second block.
func (x *exchange) command(name string, payload []byte) bool {
	if len(name) > maxCommandName {
		return false
	}
	x.begin(codes.Content)
	x.confirm()
	x.reply.Command([]byte(name))
	if len(payload) > x.room() {
		x.reply.Drop()
		return false
	}
	x.reply.Payload(payload)
	return true
}

// mediaTypes are the Content-Formats of IANA that telemetry comes in.
var mediaTypes = map[int]string{
	0:     "text/plain; charset=utf-8",
	40:    "application/link-format",
	41:    "application/xml",
	42:    telemetry.TypeBytes,
	47:    "application/exi",
	50:    telemetry.TypeJSON,
	60:    "application/cbor",
	110:   "application/senml+json",
	111:   "application/sensml+json",
	112:   "application/senml+cbor",
	113:   "application/sensml+cbor",
	114:   "application/senml-exi",
	115:   "application/sensml-exi",
	310:   "application/senml+xml",
	311:   "application/sensml+xml",
	11542: "application/vnd.oma.lwm2m+tlv",
	11543: "application/vnd.oma.lwm2m+json",
	11544: "application/vnd.oma.lwm2m+cbor",
}

// mediaType returns the name of a Content-Format, empty if none is given. An unknown
// Content-Format is bytes: they arrive as they are, whereas a wrong guess at JSON
// could change them.
func mediaType(format int) string {
	if format == message.Unset {
		return ""
	}
	if name := mediaTypes[format]; name != "" {
		return name
	}
	return telemetry.TypeBytes
}
