package lorawan

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// complaintPace is how often one kind of trouble is logged: thousands of
// devices may have the same.
const complaintPace = 10 * time.Second

// complaints logs trouble, one line per kind and pace. It is safe for
// concurrent use.
type complaints struct {
	log  *slog.Logger
	pace *rate.Limiter
	kept atomic.Uint64 // lines that were not logged
}

// warn logs, unless the same was logged just now.
func (c *complaints) warn(message string, d Device, err error) {
	if !c.pace.Allow() {
		c.kept.Add(1)
		return
	}
	c.log.Warn(message, slog.String("device", d.Name), slog.String("devEUI", d.EUI.String()),
		slog.Any("error", err), slog.Uint64("suppressed", c.kept.Swap(0)))
}

func newComplaints(log *slog.Logger) complaints {
	return complaints{log: log, pace: rate.NewLimiter(rate.Every(complaintPace), 1)}
}
