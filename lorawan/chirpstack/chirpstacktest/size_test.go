package chirpstacktest

import (
	"testing"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// TestSizes is the measured limit of every window: N goes, N+1 is deleted with
// an error event, in the same window as the item behind it goes.
func TestSizes(t *testing.T) {
	offset := func(n int) Config { return eu868(func(c *region.Config) { c.RX1DROffset = n }) }
	of := func(name string, dwell bool) Config {
		return Config{Radio: region.Config{Region: name, DownlinkDwellTime: dwell}}
	}
	for _, tt := range []struct {
		name          string
		cfg           Config
		up, down, max int
	}{
		{"EU868", eu868(nil), 0, 0, 51},
		{"EU868", eu868(nil), 1, 1, 51},
		{"EU868", eu868(nil), 2, 2, 51},
		{"EU868", eu868(nil), 3, 3, 115},
		{"EU868", eu868(nil), 4, 4, 242},
		{"EU868", eu868(nil), 5, 5, 242},
		{"repeater", eu868(func(c *region.Config) { c.Repeater = true }), 5, 5, 222},
		{"offset 3", offset(3), 5, 2, 51},
		{"offset 3", offset(3), 3, 0, 51},
		{"RX2 only", eu868(func(c *region.Config) { c.Window = region.RX2 }), 5, 0, 51},
		{"US915", of("US915", false), 0, 10, 242},
		{"US915", of("US915", false), 1, 11, 242},
		{"US915", of("US915", false), 2, 12, 242},
		{"US915", of("US915", false), 3, 13, 242},
		{"AS923", of("AS923", false), 2, 2, 51},
		{"AS923 dwell", of("AS923", true), 2, 2, 11},
		{"AS923 dwell", of("AS923", true), 3, 3, 53},
		{"AS923 dwell", of("AS923", true), 5, 5, 242},
	} {
		simulate(t, tt.cfg, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{DR: tt.up})
			n.exchange(d)
			n.queue(d, false, payload(1, tt.max+1), payload(2, tt.max))
			wantPayload(t, n.exchange(d), payload(2, tt.max))
			if n.last().DR != tt.down || d.Counts().Oversize != 1 {
				t.Errorf("%s at DR%d: %+v", tt.name, tt.up, n.last())
			}
			for _, e := range n.told(string(wire.Error)) {
				if e.text(t, "type") != "DOWNLINK_PAYLOAD_SIZE" ||
					e.text(t, "error") != "payload exceeds max payload size" {
					t.Errorf("%s", e.payload)
				}
			}
		})
	}
}

// TestSixOversized: an item behind six oversized ones goes at once, under the
// frame counter of the first.
func TestSixOversized(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, false, payload(0, 20))
		n.exchange(d)
		for range 6 {
			n.queue(d, false, payload(1, 60))
		}
		n.queue(d, false, payload(2, 40))
		if q := n.Queue(d.eui); len(q) != 7 || q[0].FCnt != 1 || q[6].FCnt != 7 {
			t.Errorf("%+v", q)
		}
		wantPayload(t, n.exchange(d), payload(2, 40))
		errors := n.told(string(wire.Error))
		if len(errors) != 6 || n.last().FCnt != 1 || n.last().FPending {
			t.Fatalf("%d errors, %+v", len(errors), n.last())
		}
		for i, e := range errors {
			if e.text(t, "fCnt") != float64(1+i) {
				t.Errorf("error %d: %s", i, e.payload)
			}
		}
	})
}

// TestStarved: MAC commands with every downlink and an item of full size: only
// the MAC commands go, for ever.
func TestStarved(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		d.SetFOpts(1)
		n.queue(d, false, payload(1, 51))
		for i := range 6 {
			if got := n.exchange(d); got != nil {
				t.Fatalf("window %d: %x", i, got)
			}
			last := n.last()
			if last.MAC != 1 || !last.FPending || last.FPort != 0 || last.Outcome != Delivered {
				t.Errorf("window %d: %+v", i, last)
			}
		}
		if c := d.Counts(); c.Starved != 6 || c.Oversize != 0 || len(n.told(string(wire.TxAck))) != 0 {
			t.Errorf("%+v", c)
		}
		d.SetFOpts(0)
		wantPayload(t, n.exchange(d), payload(1, 51))

		d.SetFOpts(15)
		n.queue(d, false, payload(2, 36))
		wantPayload(t, n.exchange(d), payload(2, 36))
		if n.last().MAC != 15 {
			t.Errorf("%+v", n.last())
		}
	})
}

// TestDwellTime: the command that tells the device takes the first window.
func TestDwellTime(t *testing.T) {
	cfg := Config{Radio: region.Config{Region: "AS923", DownlinkDwellTime: true}}
	simulate(t, cfg, func(t *testing.T, n *network) {
		n.answer = func(n *network, _ string) { n.down(n.devices[one], payload(1, 53)) }
		d := n.add(DeviceConfig{DR: 3})
		if got := n.exchange(d); got != nil || n.last().MAC != 2 || !n.last().FPending {
			t.Errorf("%x: %+v", got, n.last())
		}
		wantPayload(t, n.exchange(d), payload(1, 53))
	})
}

// TestRX2: RX1 cannot be used. A short item goes in RX2; a long one stays, and
// an empty frame goes that nothing tells of.
func TestRX2(t *testing.T) {
	impossible := true
	cfg := Config{Forwarder: func(event.DevEUI) Fault {
		if impossible {
			return RX1Impossible
		}
		return ""
	}}
	simulate(t, cfg, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{DR: 5})
		n.queue(d, false, payload(1, 40))
		before := n.now()
		wantPayload(t, n.exchange(d), payload(1, 40))
		if n.last().Window != region.RX2 || n.last().DR != 0 || n.now()-before != 2000*ms {
			t.Errorf("after %v: %+v", n.now()-before, n.last())
		}
		acks := len(n.told(string(wire.TxAck)))

		n.queue(d, false, payload(2, 200))
		if got := n.exchange(d); got != nil {
			t.Errorf("%x", got)
		}
		if last := n.last(); last.Window != region.RX2 || last.FPort != 0 || !last.FPending {
			t.Errorf("%+v", last)
		}
		if len(n.told(string(wire.TxAck))) != acks || len(n.told(string(wire.Error))) != 0 || len(n.Queue(d.eui)) != 1 {
			t.Errorf("%d events, %d items", len(n.events), len(n.Queue(d.eui)))
		}
		impossible = false
		wantPayload(t, n.exchange(d), payload(2, 200))
	})
}
