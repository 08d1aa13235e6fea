package upstream_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"havn/upstream"
)

func TestTelemetry(t *testing.T) {
	c := newCloud("c")
	c.accepts = func(e *upstream.Event) bool { return e.Device.Application == "app" }
	inSite(t, func(t *testing.T, s *site) {
		payload := []byte("hot")
		if err := s.Telemetry("app", "d", "state", "text/plain", payload); err != nil {
			t.Fatal(err)
		}
		copy(payload, "old") // the front uses its buffer again
		s.tick(time.Second)
		expectTaken(t, c, "d state=hot")
		contentType, body, err := c.taken[0].Body()
		if contentType != "text/plain" || string(body) != "hot" || err != nil {
			t.Errorf("%s %s %v", contentType, body, err)
		}
		err = s.Telemetry("other", "d", "state", "", nil)
		if !errors.Is(err, upstream.ErrNoUpstream) {
			t.Error(err)
		}
		err = s.Telemetry("app", "d", "state", "", make([]byte, upstream.MaxPayload+1))
		if !errors.Is(err, upstream.ErrTooLarge) {
			t.Error(err)
		}
		c.setAway(errAway)
		for _, text := range []string{"cold", "mild"} {
			if err := s.Telemetry("app", "d", "state", "text/plain", []byte(text)); err != nil {
				t.Fatal(err)
			}
			s.tick(time.Millisecond)
		}
		s.restart() // before the second is stored
		c.setAway(nil)
		s.tick(time.Minute)
		expectTaken(t, c, "d state=hot", "d state=cold", "d state=mild")
	}, c)
}

// While the disk fails, memory holds a bounded part, the newest.
func TestTelemetryIsBounded(t *testing.T) {
	c, disk := newCloud("c"), &faulty{append: errDisk}
	inSite(t, func(t *testing.T, s *site) {
		s.stop()
		s.wrap = func(sp upstream.Spool) upstream.Spool { disk.Spool = sp; return disk }
		s.start()
		const sent = 10000
		for i := range sent {
			if err := s.Telemetry("app", "d", "n", "", fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
			if i%1000 == 0 {
				s.tick(2 * time.Second)
			}
		}
		s.stop()
		disk.append = nil
		lost := s.Stats().Lost.Load()
		if lost != sent-4096 {
			t.Errorf("%d lost", lost)
		}
	}, c)
}
