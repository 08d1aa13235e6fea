package link

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	b := NewBackoff(time.Second, 5*time.Second)
	for range 3 {
		for _, middle := range []time.Duration{1, 2, 4, 5, 5} {
			middle *= time.Second
			if got := b.NextBackOff(); got < middle/2 || got > middle*3/2 {
				t.Errorf("wait %v, want %v, 50 %% more or less", got, middle)
			}
		}
		b.Reset()
	}
}
