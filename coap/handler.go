package coap

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/firmware"
	"havn/front"
	"havn/telemetry"
	"havn/update"
)

// Peer is where a datagram came from, and when.
type Peer struct {
	Addr     netip.AddrPort
	Received time.Time
}

// Handler turns request datagrams into reply datagrams. It may be used by many
// goroutines at once.
type Handler struct {
	engine      *update.Engine
	application []byte
	upstream    telemetry.Upstream
	recent      recent
	chunks      atomic.Pointer[policy]
	mid         atomic.Uint32 // last message ID of a NON reply
	digests     sync.Pool     // of *firmware.Digest: what is looked up in the cache escapes
	counts      *front.Counts
	duplicates  atomic.Uint64 // telemetry that came again and got the same answer again
	sendErrors  atomic.Uint64 // replies that the kernel did not take
}

// NewHandler returns a handler that answers from engine and hands telemetry to
// up. It fails where cfg or chunks do not validate.
func NewHandler(
	e *update.Engine, cfg Config, c Chunks, up telemetry.Upstream, log *slog.Logger,
) (*Handler, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("coap: %w", err)
	}
	h := &Handler{engine: e, application: []byte(cfg.Application), upstream: up}
	h.recent.init()
	h.digests.New = func() any { return new(firmware.Digest) }
	h.mid.Store(rand.Uint32()) // so that a restart does not repeat IDs (RFC 7252 section 4.4)
	h.counts = h.newCounts(log)
	return h, h.SetChunks(c)
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

// Handle appends the reply to datagram to dst and returns it; dst as it was
// means silence. A reply is at most 1152 bytes. Handle does not block, keeps
// nothing of datagram and takes any bytes for it.
func (h *Handler) Handle(dst, datagram []byte, peer Peer) []byte {
	x := exchange{h: h, peer: peer, datagram: datagram, reply: reply{b: dst}}
	switch x.req.parse(datagram) {
	case served:
		x.answer()
	case ping:
		return appendReset(dst, x.req.mid)
	case malformed:
		h.reject(front.Malformed, peer.Addr, errMalformed, 0)
		if x.req.typ == message.Confirmable {
			return appendReset(dst, x.req.mid)
		}
	}
	return x.reply.b
}

// Truncated answers a datagram of which only the beginning could be received,
// most bytes of it.
func (h *Handler) Truncated(dst, datagram []byte, peer Peer) []byte {
	x := exchange{h: h, peer: peer, reply: reply{b: dst}}
	if x.req.parseHeader(datagram) != served {
		h.reject(front.Oversized, peer.Addr, errTruncated, uint32(len(datagram)))
		return dst
	}
	x.req.number = uint32(len(datagram))
	x.refuse(errTruncated)
	h.counts.Requests.Count(int(other), int(x.reply.code()))
	return x.reply.b
}

// Never sent: these are answered by a Reset or not at all.
var (
	errMalformed = errors.New("not a CoAP request")
	errMulticast = errors.New("sent to a group address")
)

// exchange is one request being answered. It lives on the stack: nothing may
// keep a pointer to it.
type exchange struct {
	h        *Handler
	peer     Peer
	datagram []byte
	req      request
	reply    reply
	resource resource
}

func (x *exchange) answer() {
	x.resource = x.req.resource()
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
	x.h.counts.Requests.Count(int(x.resource), int(x.reply.code()))
}

// serve writes the response, or nothing and returns why there is none.
func (x *exchange) serve() error {
	k := &kinds[x.resource]
	switch r := &x.req; {
	case r.refused != nil:
		return r.refused
	case r.code != codes.GET && r.code != codes.POST:
		return errMethod
	case x.resource == other:
		return errPath
	case r.code != k.method:
		return errMethod
	case r.accept != unset && r.accept != k.format && k.format != anyFormat:
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

// begin starts the response: it rides the ACK of a CON (RFC 7252 section
// 5.2.1), and is a NON of its own to a NON (section 5.2.3).
func (x *exchange) begin(code codes.Code) {
	if x.req.typ == message.Confirmable {
		x.reply.begin(message.Acknowledgement, code, x.req.mid, x.req.token)
		return
	}
	x.reply.begin(message.NonConfirmable, code, uint16(x.h.mid.Add(1)), x.req.token)
}
