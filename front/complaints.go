package front

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Reason is why a message was not accepted: a value of the label reason in
// gateway_rejected_total.
type Reason string

// The reasons that several fronts have. A front may have more of its own.
const (
	None        Reason = ""          // it was accepted, if perhaps with an error that is no fault of the sender
	Malformed   Reason = "malformed" // not a message of the protocol
	Oversized   Reason = "oversized" // longer than the front receives
	BadIdentity Reason = "identity"  // no device is named, or not in a usable way
	BadStatus   Reason = "status"    // the body is no Status
	BadChannel  Reason = "channel"   // telemetry for a channel that cannot be
	BadPayload  Reason = "payload"   // telemetry that is said to be JSON and is not
	Untaken     Reason = "upstream"  // telemetry that the upstream did not take
	BadCommand  Reason = "command"   // a command of the upstream that the device cannot be sent; it is lost
)

// complaintPace is how often one reason is logged. Anybody can send bad messages
// at line rate. What matters to the operator is that it happens, an example, and
// how many there were.
const complaintPace = 10 * time.Second

// Complaints counts the messages that were not accepted, by reason, and paces the
// lines of log about them.
type Complaints struct {
	log     *slog.Logger
	reasons map[Reason]*complaint // never changes
}

type complaint struct {
	count      atomic.Uint64
	pace       *rate.Limiter
	suppressed atomic.Uint64
}

// NewComplaints returns the complaints of a front that has these reasons. Log may
// be nil.
func NewComplaints(log *slog.Logger, reasons ...Reason) *Complaints {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Complaints{log, map[Reason]*complaint{}}
	for _, why := range reasons {
		c.reasons[why] = &complaint{pace: rate.NewLimiter(rate.Every(complaintPace), 1)}
	}
	return c
}

// Reject counts a message that was not accepted. If a line of log is due, Reject
// returns the logger to write it with, and else nil: so the arguments of a line
// that nobody reads cost nothing.
//
//	if log := c.Reject(front.BadStatus); log != nil {
//		log.Warn("http: bad requests arrive; look at the client", slog.Any("error", err))
//	}
func (c *Complaints) Reject(why Reason) *slog.Logger {
	of := c.reasons[why]
	of.count.Add(1)
	if !of.pace.Allow() {
		of.suppressed.Add(1)
		return nil
	}
	return c.log.With(slog.String("reason", string(why)), slog.Uint64("suppressed", of.suppressed.Swap(0)))
}

// Rejected returns how many messages were not accepted for a reason.
func (c *Complaints) Rejected(why Reason) uint64 { return c.reasons[why].count.Load() }

// Each calls f with all reasons of the front, those that never occurred too.
func (c *Complaints) Each(f func(Reason, uint64)) {
	for why, of := range c.reasons {
		f(why, of.count.Load())
	}
}
