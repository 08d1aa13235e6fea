package chirpstacktest

import (
	"slices"
	"time"

	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Bounds of the records.
const (
	maxDownlinks = 1 << 17
	maxLatencies = 1 << 20
)

// Outcome is the end of a downlink.
type Outcome string

// The outcomes. The outcome of a downlink that the radio gateway refused is the Fault.
const (
	Delivered Outcome = "delivered"
	Lost      Outcome = "lost"     // on the radio; the server does not know
	Rejected  Outcome = "rejected" // by the device, as the frame counter was used before
)

// Downlink is a frame that left for the radio gateway.
type Downlink struct {
	Time      time.Time // when it left
	EUI       event.DevEUI
	Window    region.Window // RX1, RX2, or ClassC
	DR        int           // of the downlink
	FCnt      uint32
	FPort     uint8  // 0 = no payload
	Payload   []byte // of the application, as the device decrypts it; must not be changed
	MAC       int    // bytes of MAC commands in FOpts
	FPending  bool   // more is queued
	Confirmed bool
	Garbage   bool // encrypted with a key the device does not have
	Outcome   Outcome
}

// Counts is what happened to one device or to all.
type Counts struct {
	Uplinks int // heard, each with a window for its answer
	Used    int // windows that carried a payload
	Starved int // windows in which MAC commands left no room for the item
	Late    int // items that came after the window of the uplink; class A

	WritesQueued int // most Writes in a device's queue at once
	Oversize     int // items deleted as longer than the downlink data rate allows
	Expired      int // items deleted for their age (v4)
	Flushed      int // items deleted by a join or Flush
	Nacks        int // confirmed items given up
	GatewayError int // downlinks that the radio gateway refused
	Garbage      int // downlinks that the device could not decrypt
	Rejected     int // downlinks with a used frame counter

	Refused    int // bad commands, and commands for devices that have not joined
	Duplicates int // commands dropped as a repetition (v3)
	OutOfSync  int // commands refused between a new join and its first uplink (v3)
	Unheard    int // class C downlinks that the device did not wait for
}

func (c *Counts) add(o Counts) {
	c.WritesQueued = max(c.WritesQueued, o.WritesQueued)
	for _, pair := range []struct {
		sum *int
		n   int
	}{
		{&c.Uplinks, o.Uplinks}, {&c.Used, o.Used}, {&c.Starved, o.Starved}, {&c.Late, o.Late},
		{&c.Oversize, o.Oversize}, {&c.Expired, o.Expired}, {&c.Flushed, o.Flushed},
		{&c.Nacks, o.Nacks}, {&c.GatewayError, o.GatewayError}, {&c.Garbage, o.Garbage},
		{&c.Rejected, o.Rejected}, {&c.Refused, o.Refused}, {&c.Duplicates, o.Duplicates},
		{&c.OutOfSync, o.OutOfSync}, {&c.Unheard, o.Unheard},
	} {
		*pair.sum += pair.n
	}
}

// Stats is what happened on a Server.
type Stats struct {
	Counts
	EventsLost     uint64 // events that found no broker
	CommandsLost   uint64 // commands dropped because too many were on their way
	UnknownDevices uint64 // commands for devices that the server does not know
}

// Stats returns the counters of all devices, and the server's own.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.stats
	for _, d := range s.devices {
		total.Counts.add(d.counts)
	}
	return total
}

// Counts returns the counters of the device.
func (d *Device) Counts() Counts {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.counts
}

// Downlinks returns the frames that left so far, in the order of their
// outcomes.
func (s *Server) Downlinks() []Downlink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.downlinks)
}

// Latencies returns how long answers took, from an uplink's event to the first
// command for its device, in the order of the commands.
func (s *Server) Latencies() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.latencies)
}

// record notes a downlink whose outcome is known, with mu held.
func (s *Server) record(f *frame, o Outcome) {
	if len(s.downlinks) >= maxDownlinks {
		return
	}
	d := Downlink{
		Time: f.left, EUI: f.device.eui, Window: f.window, DR: f.dr, FCnt: f.fCnt,
		MAC: f.mac, FPending: f.fPending, Outcome: o,
	}
	if f.item != nil {
		d.FPort, d.Payload = f.item.fPort, f.item.data
		d.Confirmed, d.Garbage = f.item.confirmed, f.item.garbage
	}
	s.downlinks = append(s.downlinks, d)
}

// measure notes the arrival of a command, with mu held. The first command after an event
// of the device is taken for the answer to that event.
func (s *Server) measure(d *Device, arrival time.Time) {
	if d.eventAt.IsZero() || len(s.latencies) >= maxLatencies {
		return
	}
	s.latencies = append(s.latencies, arrival.Sub(d.eventAt))
	d.eventAt = time.Time{}
}
