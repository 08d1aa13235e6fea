package http

import (
	"log/slog"
	"strconv"

	"havn/front"
	"havn/metric"
)

// Protocol is the name of the front.
const Protocol = "http"

// The reasons of gateway_rejected_total that only HTTP has.
const (
	Handshake   front.Reason = "handshake" // TLS was not agreed on
	BadQuery    front.Reason = "query"     // the arguments cannot be read
	ServerError front.Reason = "server"    // what package net/http has to say
)

// resource is a kind of resource.
type resource uint8

const (
	other    resource = iota // there is none at that path
	root                     // /
	status                   // /v1/dfu
	channels                 // /v1/{channel}
)

// newCounts returns what h counts.
func (h *Handler) newCounts(log *slog.Logger) *front.Counts {
	complaints := front.NewComplaints(log, front.Malformed, Handshake, BadQuery, front.BadIdentity,
		front.Oversized, front.BadPayload, front.BadStatus, front.Untaken, ServerError)
	c := front.NewCounts(complaints, strconv.Itoa, "other", "root", "dfu", "telemetry")
	c.Extra = func() []metric.Metric {
		return []metric.Metric{front.Connections(Protocol, h.connections.Load())}
	}
	return c
}

// reject counts a request that was not accepted, and logs it.
func (h *Handler) reject(why front.Reason, peer string, err error) {
	if why == front.None {
		return
	}
	if log := h.counts.Reject(why); log != nil {
		log.Warn("http: bad requests arrive; look at the client",
			slog.String("peer", peer), slog.Any("error", err))
	}
}
