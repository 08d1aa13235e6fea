package coap

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"havn/front"
	"havn/identity"
	"havn/metric"
)

// Protocol is the name of the front.
const Protocol = "coap"

// The reasons of gateway_rejected_total that only CoAP has.
const (
	BadOption front.Reason = "option"    // a critical option that is not understood
	BadBlock  front.Reason = "block"     // a block that cannot be
	Multicast front.Reason = "multicast" // sent to a group or broadcast address
)

// newCounts returns what h counts.
func (h *Handler) newCounts(log *slog.Logger) *front.Counts {
	complaints := front.NewComplaints(log, front.Malformed, BadOption, BadBlock, front.BadStatus,
		front.BadIdentity, front.Oversized, Multicast, front.BadChannel, front.BadPayload,
		front.Untaken, front.BadCommand)
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	c := front.NewCounts(complaints, codeText, names...)
	c.Extra = func() []metric.Metric { return h.extra(nil) }
	return c
}

// extra returns the metrics that only CoAP has. Without a socket unsent is nil.
func (h *Handler) extra(unsent *atomic.Uint64) []metric.Metric {
	protocol := metric.Label{Name: "protocol", Value: Protocol}
	all := []metric.Metric{metric.Counter("duplicates_total",
		"Telemetry that came again and was answered as before.", h.duplicates.Load(), protocol)}
	if unsent != nil {
		all = append(all, metric.Counter("send_errors_total",
			"Answers that the kernel did not take.", unsent.Load(), protocol))
	}
	return all
}

// codeText writes a code as RFC 7252 does.
func codeText(code int) string { return fmt.Sprintf("%d.%02d", code>>5, code&31) }

// reject counts a datagram that was not accepted, and logs it. A number that is
// not 0 belongs to the error's text.
func (h *Handler) reject(why front.Reason, peer netip.AddrPort, err error, number uint32) {
	if why == front.None {
		return
	}
	log := h.counts.Reject(why)
	if log == nil {
		return
	}
	text := slog.String("error", err.Error())
	if number != 0 {
		text = slog.Group("", text, slog.Uint64("number", uint64(number)))
	}
	log.Warn("coap: bad datagrams arrive; look at the client", slog.String("peer", peer.String()), text)
}

// complain counts and logs what concerns one device.
func (h *Handler) complain(why front.Reason, text string, id identity.Device, more slog.Attr) {
	if log := h.counts.Reject(why); log != nil {
		log.Warn("coap: "+text, slog.String("app", string(id.Application)),
			slog.String("device", string(id.Name)), more)
	}
}
