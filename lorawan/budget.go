package lorawan

import "time"

// budget is the airtime of the last hour, minute by minute.
type budget struct {
	limit   time.Duration // 0 = none
	minutes [60]time.Duration
	last    int64 // minute, since 1970, up to which minutes is right
	sum     time.Duration
}

func newBudget(share float64) budget {
	return budget{limit: time.Duration(share * float64(time.Hour))}
}

// spend notes a downlink.
func (b *budget) spend(airtime time.Duration, now time.Time) {
	b.forget(now)
	b.minutes[b.last%int64(len(b.minutes))] += airtime
	b.sum += airtime
}

// exhausted reports whether nothing more should be begun.
func (b *budget) exhausted(now time.Time) bool {
	if b.limit == 0 {
		return false
	}
	b.forget(now)
	return b.sum >= b.limit
}

// forget drops what is older than an hour. A clock that went back changes
// nothing.
func (b *budget) forget(now time.Time) {
	minute, n := now.Unix()/60, int64(len(b.minutes))
	for m := max(b.last, minute-n) + 1; m <= minute; m++ {
		b.sum -= b.minutes[m%n]
		b.minutes[m%n] = 0
	}
	b.last = max(b.last, minute)
}
