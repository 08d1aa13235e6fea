package coap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/message"
	"havn/coap/udp"
	"havn/firmware"
	"havn/front"
	"havn/telemetry"
	"havn/update"
)

// Handler turns request datagrams into reply datagrams. It may be used by many
// goroutines at once.
type Handler struct {
	engine      *update.Engine
	application []byte
	upstream    telemetry.Upstream
	recent      recent
	chunks      atomic.Pointer[policy]
	ids         atomic.Uint32 // the last message ID of a NON reply
	digests     sync.Pool     // of *firmware.Digest: what is looked up in the cache escapes
	counts      *front.Counts
	duplicates  atomic.Uint64 // telemetry that came again and got the same answer again
}

// NewHandler returns a handler with the neighbours p. It fails if s does not
// validate.
func NewHandler(s Setup, p front.Parts) (*Handler, error) {
	cfg := s.Config.WithDefaults()
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("coap: %w", err)
	}
	h := &Handler{engine: p.Engine, application: []byte(cfg.Application), upstream: p.Upstream}
	h.recent.init()
	h.digests.New = func() any { return new(firmware.Digest) }
	h.ids.Store(rand.Uint32()) // so that a restart does not repeat IDs (RFC 7252 section 4.4)
	h.counts = h.newCounts(p.Log)
	return h, h.SetChunks(s.Chunks)
}

// SetChunks replaces the chunk sizes. Transfers under way go on: a device
// keeps its offset, whatever the size of the next block.
func (h *Handler) SetChunks(c Chunks) error {
	p, err := c.compile()
	if err != nil {
		return err
	}
	h.chunks.Store(&p)
	return nil
}

// Counts returns what the front counts.
func (h *Handler) Counts() *front.Counts { return h.counts }

// Handle appends the reply to datagram to dst and returns the result. Without a
// reply it returns dst as it is. A reply is at most 1152 bytes. Handle takes any
// bytes for a datagram, keeps none of them, and does not block.
func (h *Handler) Handle(dst, datagram []byte, peer udp.Peer) []byte {
	x := exchange{h: h, peer: peer, datagram: datagram, reply: message.Reply{B: dst}}
	switch x.req.Parse(datagram) {
	case message.Served:
		x.answer()
	case message.Ping:
		return message.AppendReset(dst, &x.req)
	case message.Malformed:
		h.reject(front.Malformed, peer.Addr, errMalformed, 0)
		if x.req.Confirmable() {
			return message.AppendReset(dst, &x.req)
		}
	case message.Ignored:
	}
	return x.reply.B
}

// Truncated answers a datagram of which only the beginning was received.
func (h *Handler) Truncated(dst, datagram []byte, peer udp.Peer) []byte {
	x := exchange{h: h, peer: peer, reply: message.Reply{B: dst}}
	if x.req.ParseHeader(datagram) != message.Served {
		h.reject(front.Oversized, peer.Addr, errTruncated, uint32(len(datagram)))
		return dst
	}
	x.number = uint32(len(datagram))
	x.refuse(errTruncated)
	h.counts.Requests.Count(int(other), int(x.reply.Code()))
	return x.reply.B
}

// Ignored implements [udp.Handler].
func (h *Handler) Ignored(peer udp.Peer) { h.reject(Multicast, peer.Addr, errMulticast, 0) }

// Answered implements [udp.Handler].
func (h *Handler) Answered(n int, took time.Duration) { h.counts.Answers.Observe(took, n) }

// These are only logged: the answer is a Reset, or there is none.
var (
	errMalformed = errors.New("not a CoAP request")
	errMulticast = errors.New("sent to a group address")
)

// exchange is one request being answered. It lives on the stack: nothing may
// keep a pointer to it.
type exchange struct {
	h        *Handler
	peer     udp.Peer
	datagram []byte
	req      message.Request
	reply    message.Reply
	resource resource
	number   uint32 // completes the text of an error that ends with a number
}

func (x *exchange) answer() {
	x.resource = resourceOf(&x.req)
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
	x.h.counts.Requests.Count(int(x.resource), int(x.reply.Code()))
}

// serve writes the response, or nothing and returns why there is none.
func (x *exchange) serve() error {
	k := &kinds[x.resource]
	switch r := &x.req; {
	case r.Refused != nil:
		x.number = r.Number
		return r.Refused
	case r.Code != codes.GET && r.Code != codes.POST:
		return errMethod
	case x.resource == other:
		return errPath
	case r.Code != k.method:
		return errMethod
	case r.Accept != message.Unset && r.Accept != k.format && k.format != anyFormat:
		return errAccept
	}
	switch x.resource {
	case status:
		return x.postStatus()
	case channels:
		return x.postTelemetry()
	case image:
		return x.getImage()
	case manifest:
		return x.getManifest()
	case blob:
		return x.getBlob()
	default:
		return x.getLinks()
	}
}

// begin starts the response.
func (x *exchange) begin(code codes.Code) { x.reply.Begin(&x.req, code, &x.h.ids) }
