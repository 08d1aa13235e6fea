package chirpstacktest

import (
	"slices"
	"testing"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// TestBurst: four items go one per uplink, in the order of their counters, and
// FPending tells of more.
func TestBurst(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, false, payload(0, 9), payload(1, 9), payload(2, 9), payload(3, 9))
		for i := range byte(4) {
			wantPayload(t, n.exchange(d), payload(i, 9))
			if last := n.last(); last.FCnt != uint32(i) || last.FPending != (i < 3) {
				t.Errorf("%d: %+v", i, last)
			}
		}
		if len(n.Queue(d.eui)) != 0 || len(n.told(string(wire.TxAck))) != 4 {
			t.Errorf("%v left", n.Queue(d.eui))
		}
	})
}

// TestOrder: 30 commands in a row come out scrambled, and in the same way with
// the same seed.
func TestOrder(t *testing.T) {
	run := func(e wire.Encoding, seed uint64) (order []byte) {
		simulate(t, Config{Encoding: e, Seed: seed}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			for i := range byte(30) {
				n.down(d, payload(i, 9))
			}
			time.Sleep(50 * ms)
			for _, it := range n.Queue(d.eui) {
				order = append(order, it.Data[0])
			}
		})
		return order
	}
	for _, e := range wire.Encodings() {
		got := run(e, 1)
		if len(got) != 30 || slices.IsSorted(got) {
			t.Errorf("%s: %v", e, got)
		}
		if !slices.Equal(got, run(e, 1)) || slices.Equal(got, run(e, 2)) {
			t.Errorf("%s: not by the seed", e)
		}
	}
}

// TestDuplicates: equal bytes within 100 ms are one command for version 3; a
// field more, another device, or a moment later make two.
func TestDuplicates(t *testing.T) {
	two := event.DevEUI{0, 0, 0, 0, 0, 0, 0, 2}
	for _, e := range wire.Encodings() {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			a, b := n.joined(DeviceConfig{}), n.joined(DeviceConfig{EUI: two})
			n.down(a, payload(1, 9))
			time.Sleep(99 * ms)
			n.down(a, payload(1, 9))
			n.down(b, payload(1, 9))
			n.down(a, payload(1, 9), `reference="x"`)
			time.Sleep(1 * ms)
			n.down(a, payload(1, 9))
			time.Sleep(50 * ms)
			want := 3
			if e == wire.V4 {
				want = 4
			}
			got := len(n.Queue(a.eui))
			if got != want || a.Counts().Duplicates != 4-want || len(n.Queue(two)) != 1 {
				t.Errorf("%s: %d items, %+v", e, got, a.Counts())
			}
		})
	}
}

// TestConfirmed: an item stays listed until the device confirms it with its
// next uplink; the next item goes in that same exchange.
func TestConfirmed(t *testing.T) {
	for _, e := range wire.Encodings() {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			n.queue(d, true, payload(1, 9))
			n.queue(d, false, payload(2, 9))
			wantPayload(t, n.exchange(d), payload(1, 9))
			if !n.last().Confirmed || len(n.Queue(d.eui)) != 2 || len(n.told(string(wire.Ack))) != 0 {
				t.Errorf("%+v, %d listed", n.last(), len(n.Queue(d.eui)))
			}
			wantPayload(t, n.exchange(d), payload(2, 9))
			acks := n.told(string(wire.Ack))
			if len(acks) != 1 || len(n.Queue(d.eui)) != 0 || d.Counts().Nacks != 0 {
				t.Fatalf("%d acks, %d listed", len(acks), len(n.Queue(d.eui)))
			}
			if e != wire.Protobuf && acks[0].text(t, "acknowledged") != true {
				t.Errorf("%s", acks[0].payload)
			}
		})
	}
}

// TestConfirmedLost: not sent again; the next uplink brings the bad news.
func TestConfirmedLost(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		d.setLoss(1)
		n.queue(d, true, payload(1, 9))
		if n.exchange(d) != nil || n.last().Outcome != Lost {
			t.Errorf("%+v", n.last())
		}
		d.setLoss(0)
		if got := n.exchange(d); got != nil {
			t.Errorf("sent again: %x", got)
		}
		acks := n.told(string(wire.Ack))
		if len(acks) != 1 || acks[0].text(t, "acknowledged") != false || len(n.Queue(d.eui)) != 0 {
			t.Errorf("%v", acks)
		}
		if d.Counts().Nacks != 1 || len(n.told(string(wire.TxAck))) != 1 {
			t.Errorf("%+v", d.Counts())
		}
	})
}

func (d *Device) setLoss(down float64) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.cfg.DownLoss = down
}

// TestUnconfirmedLost: txack, and nothing else.
func TestUnconfirmedLost(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{DownLoss: 1})
		n.queue(d, false, payload(1, 9))
		before := len(n.events)
		n.exchange(d)
		n.exchange(d)
		if len(n.told(string(wire.TxAck))) != 1 || len(n.events) != before+3 || len(n.Queue(d.eui)) != 0 {
			t.Errorf("%v", n.events)
		}
	})
}

// TestConfirmedUplink: the server answers each, though it has nothing to say.
func TestConfirmedUplink(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{Confirmed: true})
		if last := n.last(); last.FPort != 0 || last.Outcome != Delivered || n.now() != time.Second {
			t.Errorf("after %v: %+v", n.now(), last)
		}
		n.queue(d, false, []byte{})
		if got := n.exchange(d); got == nil || len(got) != 0 || n.last().FPort != 223 {
			t.Errorf("an empty payload came as %x: %+v", got, n.last())
		}
	})
}

// TestForwarder: the item is kept and goes with the next uplink, under the
// same counter.
func TestForwarder(t *testing.T) {
	for _, fault := range []Fault{TooLate, Collision, QueueFull} {
		now := fault
		cfg := Config{Forwarder: func(event.DevEUI) Fault { return now }}
		simulate(t, cfg, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			n.queue(d, false, payload(1, 9))
			if got := n.exchange(d); got != nil || n.last().Outcome != Outcome(fault) {
				t.Errorf("%x, %+v", got, n.last())
			}
			refused := n.last().FCnt
			errors := n.told(string(wire.Error))
			if len(errors) != 1 || errors[0].text(t, "type") != "DOWNLINK_GATEWAY" ||
				errors[0].text(t, "error") != string(fault) {
				t.Fatalf("%v", errors)
			}
			if len(n.told(string(wire.TxAck))) != 0 || len(n.Queue(d.eui)) != 1 || d.Counts().Used != 0 {
				t.Errorf("%+v", d.Counts())
			}
			now = ""
			wantPayload(t, n.exchange(d), payload(1, 9))
			if n.last().FCnt != refused {
				t.Errorf("FCnt %d, then %d", refused, n.last().FCnt)
			}
		})
	}
}

// TestFlush: in front of the txack it makes version 3 use a counter twice; the
// device rejects what comes, and the server reports it as sent.
func TestFlush(t *testing.T) {
	for _, tt := range []struct {
		encoding wire.Encoding
		at       time.Duration // of the flush, after the uplink
		rejected int
	}{{wire.JSONv3, 320 * ms, 1}, {wire.JSONv3, 340 * ms, 0}, {wire.V4, 320 * ms, 0}} {
		simulate(t, Config{Encoding: tt.encoding}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			n.queue(d, false, payload(1, 9))
			time.AfterFunc(tt.at, func() { n.Flush(d.eui) })
			wantPayload(t, n.exchange(d), payload(1, 9))
			n.queue(d, false, payload(2, 9))
			got := n.exchange(d)
			if (got == nil) != (tt.rejected == 1) || d.Counts().Rejected != tt.rejected {
				t.Errorf("%s, flush at %v: %x, %+v", tt.encoding, tt.at, got, n.last())
			}
			if len(n.told(string(wire.TxAck))) != 2 {
				t.Errorf("%d txacks", len(n.told(string(wire.TxAck))))
			}
		})
	}
}
