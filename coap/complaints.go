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

// complaint is one kind of trouble.
type complaint struct {
	pace       *rate.Limiter
	suppressed atomic.Uint64
}

func (c *complaint) init() { c.pace = rate.NewLimiter(rate.Every(complaintPace), 1) }

// due reports whether to log: nothing of this kind was logged just now.
func (c *complaint) due() bool {
	if c.pace.Allow() {
		return true
	}
	c.suppressed.Add(1)
	return false
}

// complaints logs trouble, one line per kind and pace.
type complaints struct {
	log      *slog.Logger
	input    [reasons]complaint // what is wrong with datagrams
	upstream complaint          // telemetry is not taken
	unfit    complaint          // commands are too long
}

func (c *complaints) init(log *slog.Logger) {
	c.log = log
	for i := range c.input {
		c.input[i].init()
	}
	c.upstream.init()
	c.unfit.init()
}

// warn logs what is wrong with a datagram. A number that is not 0 belongs to
// the error's text.
func (c *complaints) warn(why Reason, peer netip.AddrPort, err error, number uint32) {
	of := &c.input[why]
	if !of.due() {
		return
	}
	text := slog.String("error", err.Error())
	if number != 0 {
		text = slog.Group("", text, slog.Uint64("number", uint64(number)))
	}
	c.log.Warn("coap: bad datagrams arrive; look at the client", slog.String("reason", why.String()),
		slog.String("peer", peer.String()), text, slog.Uint64("suppressed", of.suppressed.Swap(0)))
}

// about logs what concerns one device, with more to say.
func (c *complaints) about(of *complaint, text string, id *identity, more slog.Attr) {
	if of.due() {
		c.log.Warn("coap: "+text, slog.String("app", string(id.application.bytes())),
			slog.String("device", string(id.device.bytes())), more,
			slog.Uint64("suppressed", of.suppressed.Swap(0)))
	}
}
