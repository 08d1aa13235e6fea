package chirpstacktest

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"

	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Fault is why the radio gateway did not send a downlink: the text of the error event.
type Fault string

// The faults that were measured. After the first three, the item is kept and there is an
// error event. After RX1Impossible the downlink is sent in RX2; an item that does not fit
// RX2 is kept, and there is no event.
const (
	TooLate       Fault = "TOO_LATE"
	Collision     Fault = "COLLISION_PACKET"
	QueueFull     Fault = "QUEUE_FULL"
	RX1Impossible Fault = "RX1"
)

// Config is a network server with one application.
type Config struct {
	Broker          string        // URL, like mqtt://127.0.0.1:1883
	Encoding        wire.Encoding // wire.JSONv3 when empty
	Application     string        // as in topics: a number (v3, default "1") or a UUID (v4)
	ApplicationName string        // default "site"
	Radio           region.Config // RX1 with RX2 as fall-back, or RX2 alone; EU868 when empty
	Timing          clock.Timing  // clock.Measured when zero
	Seed            uint64        // of losses and of the order of commands

	// Forwarder returns the fault of a downlink at the radio gateway; empty = the
	// downlink is sent. It is called by one goroutine at a time, and must not call the
	// server. Nil sends all.
	Forwarder func(event.DevEUI) Fault
	// Log gets the reasons of refused commands, which are not published. Nil = none.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Encoding = cmp.Or(c.Encoding, wire.JSONv3)
	standard := "1"
	if c.Encoding == wire.V4 {
		standard = "8c1e9f52-6d0b-4f0a-9a57-2f3b8d1c6e40"
	}
	c.Application = cmp.Or(c.Application, standard)
	c.ApplicationName = cmp.Or(c.ApplicationName, "site")
	c.Radio.Region = cmp.Or(c.Radio.Region, "EU868")
	if c.Timing == (clock.Timing{}) {
		c.Timing = clock.Measured()
	}
	c.Timing.ClassCInterval = cmp.Or(c.Timing.ClassCInterval, clock.Measured().ClassCInterval)
	if c.Forwarder == nil {
		c.Forwarder = func(event.DevEUI) Fault { return "" }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) check() error {
	if !slices.Contains(wire.Encodings(), c.Encoding) {
		return fmt.Errorf("unknown encoding %q: known are %v", c.Encoding, wire.Encodings())
	}
	if c.Timing.EnqueueMax < c.Timing.EnqueueMin {
		return fmt.Errorf("EnqueueMax %v is less than EnqueueMin %v",
			c.Timing.EnqueueMax, c.Timing.EnqueueMin)
	}
	return nil
}

// radio is the limits of both windows.
type radio struct {
	first  region.Window  // in which answers are sent: RX1, or RX2 alone
	answer *region.Region // of first
	rx2    *region.Region
}

func newRadio(c region.Config) (radio, error) {
	r := radio{first: region.RX1}
	if c.Window == region.RX2 {
		r.first = region.RX2
	}
	var err error
	c.Window = r.first
	if r.answer, err = region.New(c); err != nil {
		return radio{}, err
	}
	c.Window = region.RX2
	r.rx2, err = region.New(c)
	return r, err
}

// limit returns the data rate and the most bytes of a downlink in a window after an uplink
// at dr. It returns 0, 0 if the region allows no downlink.
func (r radio) limit(w region.Window, dr int) (downlinkDR, bytes int) {
	rules := r.rx2
	if w == region.RX1 {
		rules = r.answer
	}
	downlinkDR, err := rules.DownlinkDR(dr)
	if err != nil {
		return 0, 0
	}
	bytes, err = rules.MaxDownlink(dr)
	if err != nil {
		return 0, 0
	}
	return downlinkDR, bytes
}
