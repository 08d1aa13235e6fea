package coap

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// complaintPace is how often one kind of bad input is logged. Anybody can send
// bad datagrams at line rate; what matters to the operator is that it happens,
// an example, and how much there was.
const complaintPace = 10 * time.Second

// complaints logs bad input, one line per reason and pace.
type complaints struct {
	log *slog.Logger
	of  [reasons]struct {
		pace       *rate.Limiter
		suppressed atomic.Uint64
	}
}

func (c *complaints) init(log *slog.Logger) {
	c.log = log
	for i := range c.of {
		c.of[i].pace = rate.NewLimiter(rate.Every(complaintPace), 1)
	}
}

// warn logs err, unless one of the same reason was logged just now. A number
// that is not 0 belongs to the error's text.
func (c *complaints) warn(why Reason, peer netip.AddrPort, err error, number uint32) {
	of := &c.of[why]
	if !of.pace.Allow() {
		of.suppressed.Add(1)
		return
	}
	text := slog.String("error", err.Error())
	if number != 0 {
		text = slog.Group("", text, slog.Uint64("number", uint64(number)))
	}
	c.log.Warn("coap: bad datagrams arrive; look at the client", slog.String("reason", why.String()),
		slog.String("peer", peer.String()), text, slog.Uint64("suppressed", of.suppressed.Swap(0)))
}
