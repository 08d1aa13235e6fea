package mqtt

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
	"havn/front"
	"havn/metric"
	"havn/telemetry"
	"havn/update"
)

// Name is the protocol, as metrics, logs and the API write it.
const Name = "mqtt"

// The reasons that only this front has.
const (
	BadFilter  front.Reason = "filter"     // the filter of a subscription is not one for commands
	BadTopic   front.Reason = "topic"      // the topic of a message is not CHANNEL or CHANNEL/DEVICE
	Deaf       front.Reason = "unanswered" // the device of a Status has not subscribed to commands
	Unreadable front.Reason = "connection" // the connection broke before its CONNECT
)

// The resources of gateway_requests_total.
const (
	resourceStatus = iota
	resourceTelemetry
)

// handler answers messages. Its methods may be called concurrently.
type handler struct {
	engine      *update.Engine
	upstream    telemetry.Upstream
	chunks      atomic.Pointer[Chunks]
	counts      *front.Counts
	connections atomic.Int64
	speaksFor   func(s *session, device string) // see Front.speaksFor
}

// errNoUpstream: no upstream takes the telemetry.
var errNoUpstream = errors.New("no upstream takes telemetry")

// errUnsubscribed: the device unsubscribed while a command was on its way.
var errUnsubscribed = errors.New("the device has unsubscribed")

// errUnclean: the session would outlive its connection.
var errUnclean = errors.New("want a clean session (clean start in MQTT 5)")

// newHandler returns a handler that answers from the engine of p.
func newHandler(c Chunks, p front.Parts, speaksFor func(*session, string)) *handler {
	h := &handler{engine: p.Engine, upstream: p.Upstream, speaksFor: speaksFor}
	h.counts = front.NewCounts(front.NewComplaints(p.Log,
		front.Malformed, front.BadIdentity, front.BadStatus, front.BadPayload, front.Untaken,
		front.BadCommand, BadFilter, BadTopic, Deaf, Unreadable),
		func(code int) string { return fmt.Sprintf("0x%02x", code) }, "dfu", "telemetry")
	h.counts.Extra = func() []metric.Metric {
		return []metric.Metric{front.Connections(Name, h.connections.Load())}
	}
	h.setChunks(c)
	return h
}

// setChunks replaces the chunk sizes. Transfers under way go on.
func (h *handler) setChunks(c Chunks) {
	c = c.WithDefaults()
	h.chunks.Store(&c)
}

// reject counts and logs a message that is not accepted.
func (h *handler) reject(why front.Reason, peer string, err error) {
	if log := h.counts.Complaints.Reject(why); log != nil {
		log.Warn("mqtt: a message or a connection was refused; look at the device",
			slog.String("peer", peer), slog.Any("error", err))
	}
}

// take takes a message. A Status is kept, to be answered after the PUBACK; telemetry is
// handed on.
func (h *handler) take(s *session, pk *packets.Packet) error {
	channel, device, err := parseTopic(pk.TopicName)
	if err != nil {
		return h.refuse(s, resourceTelemetry, fmt.Errorf("%w: %.64q", err, pk.TopicName))
	}
	dev := s.name(device)
	if device != "" {
		h.speaksFor(s, device)
	}
	if channel != channelDFU {
		return h.refuse(s, resourceTelemetry, h.handOn(dev, channel, pk))
	}
	st, err := dfu.ParseStatus(pk.Payload)
	if err == nil {
		s.status, s.asker, s.received = &st, dev, time.Now()
	}
	return h.refuse(s, resourceStatus, err)
}

// handOn gives telemetry to the upstream.
func (h *handler) handOn(dev dfu.Device, channel string, pk *packets.Packet) error {
	contentType, err := telemetry.MediaType(pk.Properties.ContentType, pk.Payload)
	if err != nil {
		return err
	}
	if h.upstream.Telemetry == nil {
		return errNoUpstream
	}
	err = h.upstream.Telemetry(dev.Application, dev.Name, channel, contentType, pk.Payload)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoUpstream, err)
	}
	return nil
}

// reactions is the reason code and the reason of each error.
var reactions = [...]struct {
	err    error
	code   packets.Code
	reason front.Reason
}{
	{errTopic, packets.ErrTopicNameInvalid, BadTopic},
	{dfu.ErrMalformed, packets.ErrPayloadFormatInvalid, front.BadStatus},
	{telemetry.ErrNotJSON, packets.ErrPayloadFormatInvalid, front.BadPayload},
	{errNoUpstream, packets.ErrImplementationSpecificError, front.Untaken},
}

// refuse counts a message. If err is not nil, refuse also logs it. It returns err.
func (h *handler) refuse(s *session, resource int, err error) error {
	if err == nil {
		h.counts.Requests.Count(resource, 0)
		return nil
	}
	for _, re := range reactions {
		if errors.Is(err, re.err) {
			h.counts.Requests.Count(resource, int(re.code.Code))
			h.reject(re.reason, s.RemoteAddr().String(), fmt.Errorf("%s: %w", s.device, err))
			return err
		}
	}
	return err
}

// reasonCode returns the reason code of an error (MQTT 5.0 section 2.4).
func reasonCode(err error) packets.Code {
	for _, re := range reactions {
		if errors.Is(err, re.err) {
			return re.code
		}
	}
	return packets.ErrUnspecifiedError
}

// answer sends the Command to the Status that was taken last. It does nothing if the last
// message was no Status.
func (h *handler) answer(s *session) {
	if s.status == nil {
		return
	}
	st, dev := s.status, s.asker
	s.status = nil
	topic, subscribed := s.topic(dev, channelDFU)
	if !subscribed {
		h.deaf(dev, s)
		return
	}
	row := h.engine.Lookup(Name, []byte(dev.Application), []byte(dev.Name), s.received)
	cmd := h.engine.Request(row, st, h.limits(s, topic), s.received)
	if err := s.send(topic, cmd.Append(nil)); err != nil {
		return // the connection has ended; the device asks again
	}
	if cmd.Op == dfu.OpWrite {
		h.counts.Chunk(len(cmd.Data))
	}
	h.counts.Answers.Observe(time.Since(s.received), 1)
}

// deaf logs that a device cannot be sent its answers.
func (h *handler) deaf(dev dfu.Device, s *session) {
	if log := h.counts.Complaints.Reject(Deaf); log != nil {
		log.Warn("mqtt: a device asks for firmware and cannot be answered; let the device subscribe to command/inbox/#",
			slog.String("app", dev.Application), slog.String("device", dev.Name),
			slog.String("peer", s.RemoteAddr().String()))
	}
}

// limits returns what the Command of one packet may be.
func (h *handler) limits(s *session, topic string) update.Limits {
	most := maxPacket
	if said := s.client.Properties.Props.MaximumPacketSize; said > 0 && said < maxPacket {
		most = int(said)
	}
	return front.Chunks(*h.chunks.Load()).Limits(max(most-headOf(topic), 0))
}

// headOf returns the most bytes of a PUBLISH without its payload: the type, three bytes of
// remaining length, the topic with its length, and in MQTT 5 one byte for no properties.
func headOf(topic string) int { return 1 + 3 + 2 + len(topic) + 1 }

// handOut sends the commands that wait for a device.
func (h *handler) handOut(s *session, dev dfu.Device) {
	for h.upstream.Commands != nil {
		name, payload, ok := h.upstream.Commands(dev.Application, dev.Name)
		if !ok {
			return
		}
		topic, subscribed := s.topic(dev, name)
		err := errUnsubscribed
		if subscribed {
			err = s.send(topic, payload)
		}
		if err != nil {
			h.lost(dev, name, err)
			continue
		}
		h.counts.Commands.Add(1)
	}
}

// lost counts and logs a command that was taken from the inbox and not sent.
func (h *handler) lost(dev dfu.Device, command string, err error) {
	if log := h.counts.Complaints.Reject(front.BadCommand); log != nil {
		log.Warn("mqtt: a command is lost; send it again", slog.String("app", dev.Application),
			slog.String("device", dev.Name), slog.String("command", command), slog.Any("error", err))
	}
}

// ended counts and logs the end of a connection that its client is to blame for. To
// connect and say nothing is no fault: whoever looks whether a port is open does so.
func (h *handler) ended(s *session, err error) {
	var code packets.Code
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, packets.ErrBadUsernameOrPassword), errors.Is(err, os.ErrDeadlineExceeded) && s.client != nil:
	case errors.As(err, &code):
		h.reject(front.Malformed, s.RemoteAddr().String(), fmt.Errorf("%s: %w", s.device, err))
	case s.client == nil:
		h.reject(Unreadable, s.RemoteAddr().String(), err)
	}
}
