package chirpstacktest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

const ms = time.Millisecond

// TestCourse follows one uplink through the measured times.
func TestCourse(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		n.answer = func(n *network, _ string) {
			time.AfterFunc(5*ms, func() { n.down(n.devices[one], payload(1, 40)) })
			time.AfterFunc(50*ms, func() { n.down(n.devices[one], payload(2, 40)) })
		}
		wantPayload(t, n.exchange(n.add(DeviceConfig{})), payload(1, 40))
		if l := n.Latencies(); !slices.Equal(l, []time.Duration{5 * ms}) {
			t.Errorf("latencies %v", l)
		}
		if n.now() != time.Second {
			t.Errorf("RX1 at %v", n.now())
		}
		wantTimes(t, "join and up", append(n.told(string(wire.Join)), n.told(string(wire.Up))...), 210*ms, 210*ms)
		wantTimes(t, "txack", n.told(string(wire.TxAck)), 330*ms)
		if left := n.last().Time.Sub(n.start); left != 310*ms {
			t.Errorf("downlink left at %v", left)
		}
	})
}

var one = event.DevEUI{0, 0, 0, 0, 0, 0, 0, 1}

// TestAnswerTime counts how many of 100 answers ride the window of the uplink,
// by the time the application takes.
func TestAnswerTime(t *testing.T) {
	for _, tt := range []struct {
		delay       time.Duration
		least, most int
	}{{0, 100, 100}, {80 * ms, 100, 100}, {85 * ms, 40, 80}, {90 * ms, 1, 25}, {100 * ms, 0, 0}} {
		simulate(t, Config{Seed: 7}, func(t *testing.T, n *network) {
			n.answer = func(n *network, _ string) {
				time.AfterFunc(tt.delay, func() { n.down(n.devices[one], payload(1, 40)) })
			}
			d := n.add(DeviceConfig{DR: 5})
			used := 0
			for range 100 {
				n.Flush(d.eui) // what came too late for the last window
				if n.exchange(d) != nil {
					used++
				}
			}
			c := d.Counts()
			if used < tt.least || used > tt.most || c.Used != used || c.Late != 100-used {
				t.Errorf("answers after %v: %d in their window, %+v", tt.delay, used, c)
			}
			for _, l := range n.Latencies() {
				if l != tt.delay {
					t.Errorf("latency %v, want %v", l, tt.delay)
				}
			}
		})
	}
}

// TestLateAnswer: a late answer goes with the next uplink, and the answer to
// that one waits in turn.
func TestLateAnswer(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		mark := byte(0)
		n.answer = func(n *network, _ string) {
			mark++
			answer := payload(mark, 40)
			time.AfterFunc(100*ms, func() { n.down(n.devices[one], answer) })
		}
		d := n.add(DeviceConfig{})
		for want := range byte(4) {
			if got := n.exchange(d); (got == nil) != (want == 0) || (got != nil && got[0] != want) {
				t.Errorf("uplink %d: %x", want, got)
			}
		}
	})
}

// TestSilence: without an answer, RX2 passes too.
func TestSilence(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		n.joined(DeviceConfig{})
		if n.now() != 2*time.Second || len(n.Downlinks()) != 0 {
			t.Errorf("after %v: %+v", n.now(), n.Downlinks())
		}
	})
}

// TestWithoutRadioDelay: with RX1 at once, the downlink is heard when it leaves.
func TestWithoutRadioDelay(t *testing.T) {
	quick := clock.Measured()
	quick.RX1Delay, quick.RX2Gap = 0, 0
	simulate(t, Config{Timing: quick.Scaled(0.1)}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, false, payload(1, 40))
		wantPayload(t, n.exchange(d), payload(1, 40))
		if n.now() != 62*ms {
			t.Errorf("two uplinks took %v", n.now())
		}
	})
}

func TestInterval(t *testing.T) {
	simulate(t, Config{Seed: 3}, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{Interval: time.Minute})
		for range 3 {
			n.exchange(d)
		}
		ups := n.told(string(wire.Up))
		first := ups[0].at
		if first <= 210*ms || first >= time.Minute+210*ms {
			t.Errorf("first uplink at %v", first)
		}
		wantTimes(t, "uplinks", ups, first, first+time.Minute, first+2*time.Minute)
	})
}

// TestLoss: about a third of the uplinks and of the downlinks are lost; the
// server knows of the first only, and equal seeds give equal fates.
func TestLoss(t *testing.T) {
	run := func() (fates []bool) {
		simulate(t, Config{Seed: 11}, func(t *testing.T, n *network) {
			n.answer = func(n *network, _ string) { n.down(n.devices[one], payload(1, 40)) }
			d := n.add(DeviceConfig{UpLoss: 0.3, DownLoss: 0.3})
			heard := 0
			for range 300 {
				got := n.exchange(d) != nil
				fates = append(fates, got)
				if got {
					heard++
				}
			}
			c := d.Counts()
			if c.Uplinks < 180 || c.Uplinks > 240 || heard < 120 || heard > 175 {
				t.Errorf("%d of 300 uplinks, %d downlinks", c.Uplinks, heard)
			}
			if acks := len(n.told(string(wire.TxAck))); acks != c.Used || c.Used != c.Uplinks {
				t.Errorf("%d txacks, %+v: a lost downlink must not show", acks, c)
			}
		})
		return fates
	}
	if !slices.Equal(run(), run()) {
		t.Error("two runs differ")
	}
}

func TestExchangeEnds(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, false, payload(1, 40))
		ctx, cancel := context.WithTimeout(n.ctx, 100*ms)
		defer cancel()
		if _, _, err := d.Exchange(ctx, 223, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// The device is in its next exchange when the downlink of the last one comes.
		if got := n.exchange(d); got != nil || n.last().Outcome != Lost {
			t.Errorf("%x, %+v", got, n.last())
		}
		for _, fPort := range []uint8{0, 223} {
			if _, _, err := d.Exchange(n.ctx, fPort, make([]byte, 243)); err == nil {
				t.Error("no uplink, yet sent")
			}
		}
	})
}

func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Add(DeviceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		close(s.done)
		if _, _, err := d.Exchange(context.Background(), 1, nil); !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// TestClassC: items leave without an uplink, the first after the lock and the
// scheduler's next look, the others 2 s apart; what is too long for RX2 goes.
func TestClassC(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{Class: ClassC, DR: 5})
		ctx, cancel := context.WithTimeout(n.ctx, 2300*ms)
		defer cancel()
		if _, _, err := d.Exchange(ctx, 223, nil); err == nil {
			t.Fatal("an answer out of nothing")
		}
		n.queue(d, false, payload(1, 51), payload(2, 52), payload(3, 51))
		time.Sleep(10 * time.Second)
		var left []time.Duration
		for _, down := range n.Downlinks() {
			left = append(left, down.Time.Sub(n.start))
			if down.Window != region.ClassC || down.DR != 0 || down.Outcome != Delivered {
				t.Errorf("%+v", down)
			}
		}
		if !slices.Equal(left, []time.Duration{5 * time.Second, 7 * time.Second}) {
			t.Errorf("downlinks at %v", left)
		}
		wantTimes(t, "error", n.told(string(wire.Error)), 7*time.Second)
		if c := d.Counts(); c.Oversize != 1 || c.Uplinks != 1 || c.Late != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestClassCAnswer: an answer in time rides RX1; a later one comes with the
// scheduler while the device listens.
func TestClassCAnswer(t *testing.T) {
	for _, tt := range []struct {
		delay, at time.Duration
		window    region.Window
	}{{0, time.Second, region.RX1}, {150 * ms, 3 * time.Second, region.ClassC}} {
		simulate(t, Config{}, func(t *testing.T, n *network) {
			n.answer = func(n *network, _ string) {
				time.AfterFunc(tt.delay, func() { n.down(n.devices[one], payload(1, 40)) })
			}
			wantPayload(t, n.exchange(n.add(DeviceConfig{Class: ClassC})), payload(1, 40))
			if n.now() != tt.at || n.last().Window != tt.window {
				t.Errorf("after %v in %s", n.now(), n.last().Window)
			}
		})
	}
	simulate(t, Config{}, func(t *testing.T, n *network) {
		got := n.exchange(n.add(DeviceConfig{Class: ClassC}))
		if got != nil || n.now() != 30*time.Second {
			t.Errorf("%x after %v", got, n.now())
		}
	})
}

// TestClassCWaits: nothing leaves before the first uplink, and nothing passes a
// confirmed item until an uplink tells of it.
func TestClassCWaits(t *testing.T) {
	simulate(t, Config{Encoding: wire.V4}, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{Class: ClassC})
		if err := d.Join(n.ctx); err != nil {
			t.Fatal(err)
		}
		n.queue(d, true, payload(1, 9))
		n.queue(d, false, payload(2, 9))
		time.Sleep(10 * time.Second)
		if len(n.Downlinks()) != 0 {
			t.Errorf("%+v", n.Downlinks())
		}
		wantPayload(t, n.exchange(d), payload(1, 9))
		time.Sleep(10 * time.Second)
		if len(n.Downlinks()) != 1 || len(n.told(string(wire.Ack))) != 0 {
			t.Errorf("%+v", n.Downlinks())
		}
		wantPayload(t, n.exchange(d), payload(2, 9))
		if len(n.told(string(wire.Ack))) != 1 || d.Counts().Nacks != 0 {
			t.Errorf("%+v", d.Counts())
		}
	})
}
