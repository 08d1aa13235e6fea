package front

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	h.Observe(10*time.Microsecond, 3)
	h.Observe(11*time.Microsecond, 2)
	h.Observe(2*time.Second, 1)
	if h.Buckets[0].Load() != 3 || h.Buckets[1].Load() != 2 || h.Buckets[len(AnswerBounds)].Load() != 1 {
		t.Errorf("buckets %v", &h.Buckets)
	}
	if got := time.Duration(h.Sum.Load()); got != 2*time.Second+52*time.Microsecond {
		t.Errorf("sum %v", got)
	}
}
