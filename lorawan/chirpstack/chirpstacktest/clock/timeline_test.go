package clock

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTimeline: moments come in the order of their times, those of one time in
// the order in which they were added, and an earlier one wakes the timeline.
func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, start := NewTimeline(), time.Now()
		ctx, stop := context.WithCancel(t.Context())
		var seen []string
		add := func(after time.Duration, name string) {
			line.At(start.Add(after), func() {
				if since := time.Since(start); since != after {
					t.Errorf("%s came after %v, want %v", name, since, after)
				}
				seen = append(seen, name)
			})
		}
		add(2*time.Second, "late")
		ended := make(chan struct{})
		go func() { defer close(ended); line.Run(ctx, func(do func()) { do() }) }()
		synctest.Wait()
		add(time.Second, "first of two")
		add(time.Second, "second of two")
		time.Sleep(3 * time.Second)
		stop()
		<-ended
		if want := []string{"first of two", "second of two", "late"}; !slices.Equal(seen, want) {
			t.Errorf("%v, want %v", seen, want)
		}
	})
}

// TestTiming: a device waits for the later of its windows and the server's
// patience.
func TestTiming(t *testing.T) {
	m := Measured()
	if got := m.Close(false); got != 2*time.Second {
		t.Errorf("class A listens for %v", got)
	}
	if got := m.Scaled(0.1).Close(true); got != 3*time.Second {
		t.Errorf("class C listens for %v", got)
	}
	m.RX1Delay, m.RX2Gap = 0, 0
	if got := m.Close(false); got != m.Event()+m.DownlinkWait {
		t.Errorf("without a radio, a device listens for %v", got)
	}
}
