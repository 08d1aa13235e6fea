package http

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// complaintPace is how often one kind of trouble is logged. Anybody can send
// bad requests in any number; what matters to the operator is that it happens,
// an example, and how much there was.
const complaintPace = 10 * time.Second

// complaint is one kind of trouble.
type complaint struct {
	pace       *rate.Limiter
	suppressed atomic.Uint64
}

// complaints logs trouble, one line per kind and pace.
type complaints struct {
	log      *slog.Logger
	input    [reasons]complaint // what is wrong with requests
	upstream complaint          // telemetry is not taken
	server   complaint          // what package net/http has to say
}

func (c *complaints) init(log *slog.Logger) {
	c.log = log
	for i := range c.input {
		c.input[i].pace = rate.NewLimiter(rate.Every(complaintPace), 1)
	}
	c.upstream.pace = rate.NewLimiter(rate.Every(complaintPace), 1)
	c.server.pace = rate.NewLimiter(rate.Every(complaintPace), 1)
}

// warn logs, unless a complaint of the same kind was logged just now.
func (c *complaints) warn(of *complaint, text string, attrs ...any) {
	if !of.pace.Allow() {
		of.suppressed.Add(1)
		return
	}
	c.log.Warn("http: "+text, append(attrs, slog.Uint64("suppressed", of.suppressed.Swap(0)))...)
}

// reject counts a request that was not accepted, and logs it.
func (h *Handler) reject(why Reason, peer string, err error) {
	if why == None {
		return
	}
	h.stats.rejected[why].Add(1)
	h.complaints.warn(&h.complaints.input[why], "bad requests arrive; look at the client",
		slog.String("reason", why.String()), slog.String("peer", peer), slog.Any("error", err))
}
