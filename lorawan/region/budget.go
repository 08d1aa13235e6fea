package region

import "time"

// Budget is how long downlinks may be on the air in an hour, and how long they were
// in the last one, minute by minute. It is not safe for concurrent use.
type Budget struct {
	limit   time.Duration // 0 = none
	minutes [60]time.Duration
	last    int64 // minute, since 1970, up to which minutes is right
	sum     time.Duration
}

// NewBudget returns a budget of a share of each hour, of which nothing is spent. A
// share of 0 is no limit.
func NewBudget(share float64) Budget {
	return Budget{limit: time.Duration(share * float64(time.Hour))}
}

// Spend notes a downlink.
func (b *Budget) Spend(airtime time.Duration, now time.Time) {
	b.forget(now)
	b.minutes[b.last%int64(len(b.minutes))] += airtime
	b.sum += airtime
}

// Exhausted reports whether the downlinks of the last hour have used up the budget.
func (b *Budget) Exhausted(now time.Time) bool {
	if b.limit == 0 {
		return false
	}
	b.forget(now)
	return b.sum >= b.limit
}

// forget drops what is older than an hour. A clock that went back changes
// nothing.
func (b *Budget) forget(now time.Time) {
	minute, n := now.Unix()/60, int64(len(b.minutes))
	for m := max(b.last, minute-n) + 1; m <= minute; m++ {
		b.sum -= b.minutes[m%n]
		b.minutes[m%n] = 0
	}
	b.last = max(b.last, minute)
}
