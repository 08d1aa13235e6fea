package lorawan_test

import (
	"testing"
	"time"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/event"
)

// TestHeld: nothing is sent while the last Write may still be queued.
func TestHeld(t *testing.T) {
	w := newWorld(t)
	cmd, dl := w.ask(5, at(0))
	w.write(cmd, 0)
	w.silent(5, at(0)) // no sign: it may ride this window
	if w.Stats().Held.Load() != 1 {
		t.Error("not counted")
	}
	w.acked(dl)
	cmd, _ = w.ask(5, at(0)) // it did, and was lost
	w.write(cmd, 0)
}

// TestJoined: a join empties the queue.
func TestJoined(t *testing.T) {
	w := newWorld(t)
	w.ask(5, at(0))
	w.handle(event.Joined{Device: sensor})
	w.fCnt = 0
	cmd, _ := w.ask(5, at(0))
	w.write(cmd, 0)
}

// TestUnsent: what could not be published is not queued.
func TestUnsent(t *testing.T) {
	w := newWorld(t)
	_, dl := w.ask(5, at(0))
	w.Unsent(dl, errTest)
	cmd, _ := w.ask(5, at(0))
	w.write(cmd, 0)
	w.rejected(lorawan.Undeliverable, 1)
}

// TestProbe: a Write without any sign is asked after with a Wait, then with
// another one after twice as long; a sign ends that.
func TestProbe(t *testing.T) {
	for _, kind := range []lorawan.Server{lorawan.ChirpStackV3, lorawan.ChirpStackV4} {
		w := newWorld(t, server(kind))
		ack := func(dl event.Downlink) {
			if kind == lorawan.ChirpStackV3 {
				dl.ID = event.DownlinkID{}
			}
			w.acked(dl)
		}
		cmd, _ := w.ask(5, at(0)) // starves
		w.write(cmd, 0)
		w.hold(4)
		w.probe()
		w.hold(3)
		probe := w.probe()
		w.hold(2)
		if kind == lorawan.ChirpStackV3 {
			ack(event.Downlink{Device: sensor}) // the Write
			w.hold(1)                           // the first probe goes
			ack(probe)
			w.hold(1) // the second one
		}
		ack(probe)
		cmd, _ = w.ask(5, at(0))
		w.write(cmd, 0)
	}
}

func (w *world) hold(n int) {
	w.t.Helper()
	for range n {
		w.silent(5, at(0))
	}
}

func (w *world) probe() event.Downlink {
	w.t.Helper()
	before := w.Stats().Probes.Load()
	cmd, dl := w.ask(5, at(0))
	if cmd.Op != dfu.OpWait || len(dl.Payload) != 3 || w.Stats().Probes.Load() != before+1 {
		w.t.Fatalf("%+v, want a probe", cmd)
	}
	return dl
}

// TestReplace: where the queue can be replaced, the answer needs no probe.
func TestReplace(t *testing.T) {
	w := newWorld(t, server(lorawan.TheThingsStack))
	_, dl := w.ask(5, at(0))
	w.hold(4)
	cmd, again := w.ask(5, at(0))
	if w.write(cmd, 0); !dl.Replace || !again.Replace || dl.ID == again.ID {
		t.Errorf("%+v %+v", dl, again)
	}
}

// TestForwarderError: the downlink stays queued, however often that happens.
func TestForwarderError(t *testing.T) {
	w := newWorld(t)
	_, dl := w.ask(5, at(0))
	for range 10 {
		w.handle(event.Error{
			Device: sensor, Reason: event.ReasonGateway, Queued: true, Text: "TOO_LATE",
		})
		w.hold(1)
	}
	w.acked(dl)
	w.ask(5, at(0))
	if n := w.Stats().Failures(event.ReasonGateway); n != 10 || w.Stats().Widened.Load() != 0 {
		t.Errorf("%d counted; that is no starvation", n)
	}
}

// TestOversize: the limit steps down, for that data rate, and comes back.
func TestOversize(t *testing.T) {
	refuse := func(w *world, limit int) {
		w.handle(event.Error{Device: sensor, Reason: event.ReasonOversize, MaxPayload: limit})
	}
	next := func(w *world, dr int) int {
		cmd, dl := w.ask(dr, at(1000))
		w.acked(dl)
		return w.write(cmd, 1000)
	}
	for _, tt := range []struct{ told, want int }{{0, 100}, {51, 36}, {300, 100}} {
		w := newWorld(t)
		w.ask(5, at(1000))
		refuse(w, tt.told)
		if n := next(w, 5); n != tt.want {
			t.Errorf("told %d: %d bytes, want %d", tt.told, n, tt.want)
		}
		if n := next(w, 4); n != 224 {
			t.Errorf("another data rate: %d bytes", n)
		}
		w.now = w.now.Add(25 * time.Hour)
		if n := next(w, 5); n != 224 {
			t.Errorf("a day later: %d bytes", n)
		}
	}
	w := newWorld(t)
	w.ask(0, at(1000))
	refuse(w, 0) // 51, the least that EU868 has
	refuse(w, 0) // nothing was sent: not about us
	if n := next(w, 0); n != 8 {
		t.Errorf("%d bytes", n)
	}
}

// TestStarved: two windows without a sign make room for MAC commands, for a
// day. One may be an answer that was late.
func TestStarved(t *testing.T) {
	w := newWorld(t)
	next := func() int {
		cmd, dl := w.ask(0, at(1000))
		w.acked(dl)
		return w.write(cmd, 1000)
	}
	_, dl := w.ask(0, at(1000))
	w.silent(0, at(1000))
	w.acked(dl)
	if n := next(); n != 36 {
		t.Errorf("after a late answer: %d bytes", n)
	}
	_, dl = w.ask(0, at(1000))
	w.silent(0, at(1000))
	w.silent(0, at(1000))
	w.acked(dl)
	if n := next(); n != 20 || w.Stats().Widened.Load() != 1 {
		t.Errorf("after a starved window: %d bytes", n)
	}
	if cmd, dl := w.ask(0, at(size)); cmd.Op != dfu.OpSwap {
		t.Error("a Swap has the whole frame")
	} else {
		w.acked(dl)
	}
	w.now = w.now.Add(25 * time.Hour)
	if n := next(); n != 36 {
		t.Errorf("a day later: %d bytes", n)
	}
}

// TestExpires: only ChirpStack v4 is given an expiry, and none when its clock
// differs so much that new downlinks expire.
func TestExpires(t *testing.T) {
	w := newWorld(t)
	if _, dl := w.ask(5, at(0)); !dl.Expires.IsZero() {
		t.Error("v3 knows none")
	}
	w = newWorld(t, server(lorawan.ChirpStackV4))
	expire := func(dl event.Downlink) {
		w.handle(event.Error{Device: sensor, Reason: event.ReasonExpired, ID: dl.ID})
	}
	_, dl := w.ask(5, at(0))
	if dl.Expires.Sub(w.now) != time.Hour {
		t.Errorf("expires %v", dl.Expires)
	}
	w.now = w.now.Add(time.Hour)
	expire(dl) // rightly
	_, dl = w.ask(5, at(0))
	if got, want := dl.Expires.Sub(w.now), 61*time.Minute*3/2; got != want {
		t.Errorf("expires after %v, want %v: one and a half intervals", got, want)
	}
	expire(dl) // at once
	if _, dl = w.ask(5, at(0)); !dl.Expires.IsZero() {
		t.Error("the clocks differ")
	}
}

// TestReset: a device that starts over is served from there.
func TestReset(t *testing.T) {
	w := newWorld(t)
	_, dl := w.ask(5, at(1000))
	w.acked(dl)
	cmd, _ := w.ask(5, at(0))
	w.write(cmd, 0)
}
