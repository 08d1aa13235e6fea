package upstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/status"
	"havn/upstream"
)

func expectTaken(t *testing.T, c *cloud, want ...string) {
	t.Helper()
	taken, _ := c.seen()
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Errorf("%s: %s", c.name, diff)
	}
	if faults := c.broken(); len(faults) > 0 {
		t.Errorf("%s: %v", c.name, faults)
	}
}

func TestForwards(t *testing.T) {
	a, b := newCloud("a"), newCloud("b")
	b.accepts = func(e *upstream.Event) bool { return e.IsStatus() && e.Device.Name == "y" }
	inSite(t, func(t *testing.T, s *site) {
		s.report(status.Updating, "x")
		s.report(status.Updating, "y")
		s.tick(time.Second)
		s.report(status.InSync, "y")
		s.tick(time.Second)
		expectTaken(t, a, "x updating", "y updating", "y in-sync")
		expectTaken(t, b, "y updating", "y in-sync")
		s.restart()
		s.tick(time.Minute)
		if n := s.spool.Stats().Events; n != 0 {
			t.Errorf("%d events left", n)
		}
		expectTaken(t, b, "y updating", "y in-sync")
	}, a, b)
}

func TestStatusBody(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		v := status.Status{
			Device: dfu.Device{Application: "app", Name: "d"}, State: status.Waiting, Current: "v1", Target: "v2",
			Offset: 1000, Size: 3000, Progress: 1. / 3, Protocol: "lorawan", Error: "too small",
		}
		at := time.Date(2024, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("", 3600))
		if err := s.Report([]status.Change{{Status: v, Time: at}}); err != nil {
			t.Fatal(err)
		}
		s.tick(time.Second)
		contentType, body, err := c.taken[0].Body()
		want := `{"current":"v1","target":"v2","state":"waiting","offset":1000,"size":3000,"progress":0.3333,` +
			`"protocol":"lorawan","error":"too small","time":"2024-01-02T02:04:05.678Z"}`
		if string(body) != want || contentType != "application/json" || err != nil {
			t.Errorf("%s %s %v", contentType, body, err)
		}
		if c.taken[0].Kind != upstream.Progress {
			t.Errorf("kind %v", c.taken[0].Kind)
		}
	}, c)
}

// Every state goes out under the name that it has everywhere.
func TestBodyOfEveryState(t *testing.T) {
	for _, state := range status.States {
		e := upstream.Event{Kind: upstream.Transition, Status: status.Status{State: state}}
		_, body, err := e.Body()
		if want := fmt.Sprintf(`"state":%q,`, state); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %v", state, body, err)
		}
	}
}

// An upstream that is away for long is asked now and then, gets all when it is
// back, and holds up nobody.
func TestOutage(t *testing.T) {
	gone, other := newCloud("gone"), newCloud("other")
	gone.away, gone.latency = errAway, 10*time.Millisecond
	inSite(t, func(t *testing.T, s *site) {
		var want []string
		for i := range 100 {
			device := fmt.Sprintf("d%03d", i)
			s.report(status.Updating, device)
			want = append(want, device+" updating")
		}
		s.tick(time.Second)
		expectTaken(t, other, want...)
		s.tick(time.Hour)
		if _, tries := gone.seen(); tries < 40 || tries > 150 {
			t.Errorf("asked %d times in an hour", tries)
		}
		s.restart()
		s.tick(time.Minute)
		gone.setAway(nil)
		s.tick(2 * time.Minute)
		if taken, _ := gone.seen(); len(taken) != len(want) {
			t.Errorf("%d events arrived, want %d", len(taken), len(want))
		}
		if s.Stats().Failed.Load() == 0 || s.Stats().Delivered.Load() != 100 {
			t.Errorf("failed %d, delivered %d", s.Stats().Failed.Load(), s.Stats().Delivered.Load())
		}
	}, gone, other)
}

func TestPoisonIsSetAside(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		c.setRefuse("bad", fmt.Errorf("%w: no such device", upstream.ErrRejected))
		s.report(status.Updating, "bad", "good")
		s.report(status.InSync, "bad", "good")
		s.tick(time.Second)
		expectTaken(t, c, "good updating", "good in-sync")
		s.tick(5 * time.Minute)
		aside, err := s.spool.Refused()
		if err != nil || len(aside) != 2 || !strings.Contains(aside[0].Reason, "no such device") {
			t.Fatalf("%+v %v", aside, err)
		}
		if first := aside[0].Entry.Event.Status.State; first != status.Updating {
			t.Errorf("the %s event was given up before the one before it", first)
		}
		if _, tries := c.seen(); tries != 2+2*6 {
			t.Errorf("%d tries", tries)
		}
		c.setRefuse("bad", nil)
		s.report(status.Failed, "bad")
		s.tick(time.Second)
		expectTaken(t, c, "bad failed", "good updating", "good in-sync")
	}, c)
}

// Somebody who has mended an upstream need not wait for its next turn.
func TestRetry(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		c.setRefuse("bad", upstream.ErrRejected)
		s.report(status.InSync, "bad")
		s.tick(20 * time.Second)
		c.setAway(errAway)
		s.report(status.InSync, "good")
		s.tick(10 * time.Minute)
		c.setAway(nil)
		c.setRefuse("bad", nil)
		s.Retry()
		s.tick(0)
		expectTaken(t, c, "bad in-sync", "good in-sync")
	}, c)
}

// What follows an event that is not taken yet waits for it.
func TestRejectedIsNotOvertaken(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		c.setRefuse("bad updating", upstream.ErrRejected)
		s.report(status.Updating, "bad")
		s.report(status.InSync, "bad")
		s.tick(5 * time.Second)
		expectTaken(t, c)
		c.setRefuse("bad updating", nil)
		s.tick(time.Minute)
		expectTaken(t, c, "bad updating", "bad in-sync")
	}, c)
}

// Many devices that the upstream does not know do not keep the others waiting.
func TestMuchPoison(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		var devices []string
		for i := range 1000 {
			devices = append(devices, fmt.Sprintf("bad%d", i))
			c.setRefuse(devices[i], upstream.ErrRejected)
		}
		s.report(status.Updating, append(devices, "good")...)
		s.tick(time.Second)
		expectTaken(t, c, "good updating")
	}, c)
}

// An event that makes the upstream fail looks like an outage, but others pass.
func TestOneDeviceFails(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		c.setRefuse("bad", errors.New("500 internal server error"))
		var want []string
		for i := range 100 {
			s.report(status.Updating, "bad", fmt.Sprint(i))
			want = append(want, fmt.Sprint(i, " updating"))
		}
		s.tick(time.Minute)
		taken, _ := c.seen()
		if len(taken) != len(want) {
			t.Errorf("%d of %d arrived", len(taken), len(want))
		}
		c.setRefuse("bad", nil)
		s.tick(3 * time.Minute)
		if taken, _ = c.seen(); len(taken) != 2*len(want) {
			t.Errorf("%d of %d arrived", len(taken), 2*len(want))
		}
	}, c)
}

// Nothing is sent before the time that an upstream asks for.
func TestRetryAfter(t *testing.T) {
	c := newCloud("c")
	inSite(t, func(t *testing.T, s *site) {
		c.setAway(fmt.Errorf("429: %w", backoff.RetryAfter(600)))
		s.report(status.Updating, "a", "b")
		s.tick(300 * time.Second)
		s.Retry() // an operator does not shorten it
		s.tick(299 * time.Second)
		if _, tries := c.seen(); tries > 2 {
			t.Errorf("asked %d times", tries)
		}
		c.setAway(nil)
		s.tick(2 * time.Second)
		expectTaken(t, c, "a updating", "b updating")
	}, c)
}

// A connection that hangs is given up, and shutting down does not wait for it.
func TestHangingUpstream(t *testing.T) {
	c := newCloud("c")
	c.latency = 1000 * time.Hour
	inSite(t, func(t *testing.T, s *site) {
		s.report(status.Updating, "a")
		s.tick(29 * time.Second)
		if n := s.Stats().Failed.Load(); n != 0 {
			t.Errorf("given up %d times", n)
		}
		s.tick(2 * time.Second)
		if n := s.Stats().Failed.Load(); n != 1 {
			t.Errorf("given up %d times", n)
		}
		began := time.Now()
		s.stop()
		if time.Since(began) > time.Second {
			t.Errorf("shutting down took %v", time.Since(began))
		}
		c.latency = 0
		s.start()
		s.tick(time.Minute)
		expectTaken(t, c, "a updating")
	}, c)
}

// faulty is a spool on a disk that fails when told to.
type faulty struct {
	upstream.Spool
	append, settle error
}

func (f *faulty) Append(e []upstream.Entry) error {
	if f.append != nil {
		return f.append
	}
	return f.Spool.Append(e)
}

func (f *faulty) Settle(line string, d []upstream.Entry, r []upstream.Refusal) error {
	if f.settle != nil {
		return f.settle
	}
	return f.Spool.Settle(line, d, r)
}

var errDisk = errors.New("no space left on device")

// What cannot be struck off is not sent again and again.
func TestSettleFails(t *testing.T) {
	c, disk := newCloud("c"), &faulty{settle: errDisk}
	inSite(t, func(t *testing.T, s *site) {
		s.stop()
		s.wrap = func(sp upstream.Spool) upstream.Spool { disk.Spool = sp; return disk }
		s.start()
		s.report(status.Updating, "a")
		s.tick(time.Hour)
		expectTaken(t, c, "a updating")
		s.stop()
		disk.settle = nil
		s.start()
		s.report(status.InSync, "a")
		s.tick(time.Second)
		expectTaken(t, c, "a updating", "a updating", "a in-sync")
	}, c)
}
