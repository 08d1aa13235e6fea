package upstream_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/status"
	"havn/upstream"
	"havn/upstream/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// cloud is a Publisher that writes down what it takes.
type cloud struct {
	name    string
	accepts func(*upstream.Event) bool // nil: all
	latency time.Duration              // half a millisecond to that, at random; 0 = none

	mu     sync.Mutex
	away   error            // answer to everything; nil = there
	refuse map[string]error // answers to devices, or to "device state"
	lossy  *rand.Rand       // fails one event in five, half of them after it took it
	tries  int
	busy   map[dfu.Device]bool
	taken  []upstream.Event
	faults []string // broken promises of the forwarder
}

func newCloud(name string) *cloud {
	return &cloud{name: name, refuse: map[string]error{}, busy: map[dfu.Device]bool{}}
}

func (c *cloud) Name() string { return c.name }

func (c *cloud) Accepts(e *upstream.Event) bool { return c.accepts == nil || c.accepts(e) }

func (c *cloud) Publish(ctx context.Context, e *upstream.Event) error {
	c.begin(e)
	defer c.end(e)
	if c.latency > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond/2 + rand.N(c.latency)):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.away != nil:
		return c.away
	case c.refuse[e.Device.Name+" "+string(e.Status.State)] != nil:
		return c.refuse[e.Device.Name+" "+string(e.Status.State)]
	case c.refuse[e.Device.Name] != nil:
		return c.refuse[e.Device.Name]
	case c.lossy != nil && c.lossy.IntN(10) == 0:
		return errAway
	}
	c.taken = append(c.taken, *e)
	if c.lossy != nil && c.lossy.IntN(10) == 0 {
		return errAway
	}
	return nil
}

func (c *cloud) begin(e *upstream.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tries++; c.busy[e.Device] {
		c.faults = append(c.faults, "two events of "+e.Device.String()+" at once")
	}
	c.busy[e.Device] = true
}

func (c *cloud) end(e *upstream.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, e.Device)
}

func (c *cloud) setAway(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = err
}

func (c *cloud) setRefuse(device string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse[device] = err
}

// seen returns what was taken, in short, device by device, and the number of
// tries.
func (c *cloud) seen() (taken []string, tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := slices.Clone(c.taken)
	slices.SortStableFunc(events, func(a, b upstream.Event) int { return cmp.Compare(a.Device.Name, b.Device.Name) })
	for i := range events {
		e := &events[i]
		text := fmt.Sprintf("%s %s", e.Device.Name, e.Status.State)
		if e.Kind == upstream.Telemetry {
			text = fmt.Sprintf("%s %s=%s", e.Device.Name, e.Channel, e.Payload)
		}
		taken = append(taken, text)
	}
	return taken, c.tries
}

// broken returns the promises that the forwarder did not keep.
func (c *cloud) broken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

// site is a forwarder on a real spool in fake time.
type site struct {
	*upstream.Forwarder
	t      *testing.T
	dir    string
	clouds []upstream.Publisher
	spool  *spool.Spool
	wrap   func(upstream.Spool) upstream.Spool // nil: as it is
	stop   func()
}

// inSite runs f with a forwarder to clouds.
func inSite(t *testing.T, f func(t *testing.T, s *site), clouds ...*cloud) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, dir: t.TempDir()}
		for _, c := range clouds {
			s.clouds = append(s.clouds, c)
		}
		s.start()
		defer func() { s.stop() }()
		f(t, s)
	})
}

func (s *site) start() {
	var err error
	s.spool, err = spool.Open(s.dir, spool.Config{}, upstream.Names(s.clouds), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var sp upstream.Spool = s.spool
	if s.wrap != nil {
		sp = s.wrap(sp)
	}
	s.Forwarder = upstream.New(sp, s.clouds, nil)
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = func() {
		s.stop = func() {}
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		if err := s.spool.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *site) restart() {
	s.stop()
	s.start()
}

// tick lets fake time pass, and all it causes happen.
func (s *site) tick(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// report hands one transition per device on.
func (s *site) report(state status.State, devices ...string) {
	s.t.Helper()
	var changes []status.Change
	for _, d := range devices {
		v := status.Status{Device: dfu.Device{Application: "app", Name: d}, State: state, Protocol: "coap"}
		changes = append(changes, status.Change{Status: v, Transition: true, Time: time.Now()})
	}
	if err := s.Report(changes); err != nil {
		s.t.Fatal(err)
	}
}
