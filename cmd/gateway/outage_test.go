package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"havn/status"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

const (
	outageFleet = 500
	outageImage = 30_006 // bytes

	// What the cloud is sent of a device that updates during an outage, at most.
	// Its state changes twice, to updating and to in-sync. The kill may repeat the
	// change whose taking was not noted yet. Progress would go every 5 %, once a
	// second, as forward says; but what waits in a queue gives way to newer status.
	changes, repeated, progress = 2, 1, 0
)

const paced = "  forward: {progress_every: 5, min_interval: 1s}\n"

// TestOutage: 500 devices update while everything upstream is away, the
// registry with the images too, and the gateway starts and is killed meanwhile.
// It works from what it learned before; when the cloud is back, it learns how
// each device ended, without the story of every chunk.
func TestOutage(t *testing.T) {
	t.Parallel()
	c, u := newCloud(t, droguetest.Options{}), newUnreliable(t)
	s := newSite(t, u.host, c.section()+paced)
	c.desire(u.host + "/app/fw:stable")
	u.publish(s, "app/fw:stable", "v1", 1000)
	f := newFleet(t, s.coap, "app", outageFleet)
	c.add(f.names()...)
	s.start()
	s.meets(c, f)
	image := u.publish(s, "app/fw:stable", "v2", outageImage)
	s.waits(c, f)
	s.stop()

	before := c.count()
	c.reach(wire.Away)
	u.down()
	begin := time.Now()
	s.start()
	f.until("v2")
	f.at(outageFleet*outageImage/2, func() {
		s.kill()
		s.start()
	})
	f.run()
	f.runs(image)
	s.hears(f, "v2") // what the kill took, as at the next poll
	s.counts("gateway_spool_events")
	if n := c.count(); n != before {
		t.Fatalf("%d events arrived although the cloud was away", n-before)
	}
	outage := time.Since(begin)
	c.reach(wire.Up)
	c.knows("v2", f.names()...)
	s.drains()

	events, bound := c.count()-before, outageFleet*(changes+repeated+progress)
	if events > bound {
		t.Errorf("%d events arrived, at most %d are of use", events, bound)
	}
	if dropped := s.metric("gateway_spool_dropped_total"); dropped != "gateway_spool_dropped_total 0" {
		t.Error(dropped)
	}
	writes := c.Counters(droguetest.Registry).Requests["PUT /apps/{app}/devices/{device}"]
	t.Logf("outage of %s: %d devices, %d events (at most %d), %d status writes since the first start",
		outage.Round(time.Millisecond), outageFleet, events, bound, writes)
}

// meets lets the gateway hear of each device, learn from the cloud what they
// should run, and tell the cloud that they do.
func (s *site) meets(c *cloud, f *fleet) {
	s.t.Helper()
	s.hears(f, "v1")
	c.knows("v1", f.names()...)
}

// waits waits until the cloud knows that devices have to update to v2.
func (s *site) waits(c *cloud, f *fleet) {
	s.t.Helper()
	c.tells(f.names(), func(last told, _ firmwareStatus) bool {
		return last.State == status.Waiting && last.Target == "v2"
	})
}

// hears lets all devices say what they run.
func (s *site) hears(f *fleet, version string) {
	s.t.Helper()
	for _, name := range f.names() {
		s.status("app/"+name, version)
	}
}

// count returns how many events arrived.
func (c *cloud) count() (n int) {
	for _, events := range c.arrived() {
		n += len(events)
	}
	return n
}

// drains waits until nothing is left to be sent.
func (s *site) drains() {
	s.t.Helper()
	s.eventually("the spool is empty", func() error {
		if held := s.metric("gateway_spool_events"); held != "gateway_spool_events 0" {
			return fmt.Errorf("%s", held)
		}
		return nil
	})
}

// metric returns the line of a metric without labels.
func (s *site) metric(name string) string {
	s.t.Helper()
	for line := range strings.Lines(s.metrics()) {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line)
		}
	}
	s.t.Fatalf("no metric %s", name)
	return ""
}
