package front

import (
	"sync/atomic"
	"time"
)

// AnswerBounds are the upper bounds of the buckets of [Histogram]: answers from
// memory take microseconds; a LoRaWAN network server waits for about 85 ms.
var AnswerBounds = [...]time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 85 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// Histogram is the time from the receipt of a message to the moment its answer
// is sent. Its zero value is empty.
type Histogram struct {
	Buckets [len(AnswerBounds) + 1]atomic.Uint64 // not cumulative; the last one is beyond all bounds
	Sum     atomic.Int64                         // nanoseconds
}

// Observe counts n answers that took d each.
func (h *Histogram) Observe(d time.Duration, n int) {
	i := 0
	for i < len(AnswerBounds) && d > AnswerBounds[i] {
		i++
	}
	h.Buckets[i].Add(uint64(n))
	h.Sum.Add(int64(d) * int64(n))
}

// Add counts what other has counted.
func (h *Histogram) Add(other *Histogram) {
	for i := range h.Buckets {
		h.Buckets[i].Add(other.Buckets[i].Load())
	}
	h.Sum.Add(other.Sum.Load())
}
