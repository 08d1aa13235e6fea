package lorawan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/front"
	"havn/lorawan"
	"havn/lorawan/event"
	"havn/telemetry"
)

// say is the next uplink of the sensor with telemetry.
func (w *world) say(port uint8, payload string) event.Uplink {
	up := w.uplink(5, dfu.Status{})
	up.FPort, up.Payload = port, []byte(payload)
	return up
}

// TestTelemetry: each uplink that is not about firmware goes up once.
func TestTelemetry(t *testing.T) {
	w := newWorld(t)
	first := w.say(2, "\x01\x02")
	for _, up := range []event.Uplink{first, first, w.say(223, "no status"), w.say(10, ""), w.say(0, "")} {
		w.handle(up)
	}
	replay := first
	replay.FCnt = 2
	w.handle(replay)
	encrypted := w.say(2, "")
	encrypted.Payload, encrypted.Refused = nil, event.ErrEncrypted
	w.handle(encrypted)
	tagged := w.say(200, "x")
	tagged.Refused = event.ErrTag // keeps it from firmware alone
	w.handle(tagged)
	want := []string{
		"edge/sensor-1 2 application/octet-stream 0102",
		"edge/sensor-1 200 application/octet-stream 78",
	}
	if diff := cmp.Diff(want, w.told); diff != "" || w.heardTelemetry() != 2 {
		t.Errorf("%d counted (-want +got):\n%s", w.heardTelemetry(), diff)
	}
	w.rejected(lorawan.Duplicate, 1)
	w.rejected(lorawan.Replayed, 1)
	w.rejected(lorawan.Encrypted, 1)
	w.away = errTest
	w.handle(w.say(2, "x"))
	w.rejected(front.Untaken, 1)
	if !strings.Contains(w.log.String(), errTest.Error()) {
		t.Errorf("log: %s", w.log)
	}
}

func (w *world) send(name, payload string) {
	w.commands = append(w.commands, telemetry.Command{Name: name, Payload: []byte(payload)})
}

// goes checks that an event makes a command go down, and returns it.
func (w *world) goes(e event.Event, port uint8, payload string) event.Downlink {
	w.t.Helper()
	dl, ok := w.handle(e)
	if !ok || dl.FPort != port || string(dl.Payload) != payload || dl.Replace {
		w.t.Fatalf("%+v, want %q on FPort %d; log: %s", dl, payload, port, w.log)
	}
	return dl
}

func (w *world) nothing(e event.Event) {
	w.t.Helper()
	if dl, ok := w.handle(e); ok {
		w.t.Fatalf("%q on FPort %d", dl.Payload, dl.FPort)
	}
}

var pending = event.Pending{Device: sensor}

// TestCommand: it goes at once to a device that was heard, else with its first
// uplink; the next one when it has left.
func TestCommand(t *testing.T) {
	for _, kind := range []lorawan.Server{
		lorawan.ChirpStackV3, lorawan.ChirpStackV4, lorawan.TheThingsStack,
	} {
		w := newWorld(t, server(kind))
		w.send("port:4", "a")
		w.nothing(pending) // not heard yet
		dl := w.goes(w.say(2, "x"), 4, "a")
		if dl.Expires.IsZero() != (kind != lorawan.ChirpStackV4) {
			t.Errorf("%s: expires %v", kind, dl.Expires)
		}
		w.send("port:222", "b")
		w.nothing(pending)
		next := w.goes(event.TxAck{Device: sensor, ID: dl.ID}, 222, "b")
		w.send("port:3", "c")
		w.handle(event.Joined{Device: sensor})
		w.nothing(pending) // the server has no key yet
		w.fCnt = 0
		w.goes(w.say(2, "x"), 3, "c")
		if n := w.Stats().Commands.Load(); n != 3 || next.Confirmed || w.Stats().Airtime.Load() == 0 {
			t.Errorf("%s: %d sent", kind, n)
		}
	}
}

// TestFind: devices are found as the gateway calls them.
func TestFind(t *testing.T) {
	w := newWorld(t)
	if _, ok := w.Find("sensor-1"); ok {
		t.Error("not heard yet")
	}
	up := w.say(2, "x")
	w.handle(up)
	if d, ok := w.Find("sensor-1"); !ok || d != sensor {
		t.Errorf("%+v %v", d, ok)
	}
	up = w.say(2, "x")
	up.Name = "renamed"
	w.handle(up)
	_, old := w.Find("sensor-1")
	if d, ok := w.Find("renamed"); !ok || old || d.Name != "renamed" {
		t.Errorf("%+v %v, by its old name: %v", d, ok, old)
	}
}

// TestBadCommands: what cannot be sent is dropped with a reason, and does not
// hold up what can.
func TestBadCommands(t *testing.T) {
	long := strings.Repeat("x", 52)
	for _, tt := range []struct {
		name, payload string
		change        func(*event.Uplink)
		why           string
	}{
		{"set", "x", nil, "want a name port:N"},
		{"port:", "x", nil, "want a name port:N"},
		{"port:0", "x", nil, "want a name port:N"},
		{"port:224", "x", nil, "want a name port:N"},
		{"port:-1", "x", nil, "want a name port:N"},
		{"port:223", "x", nil, "FPort 223 is for firmware"},
		{"port:2", "", nil, "the payload is empty"},
		{"port:2", long, nil, "52 bytes; after an uplink at DR0, 51 fit"},
		{"port:2", "xxx", func(u *event.Uplink) { u.Overrides.MaxPayload = 2 }, "3 bytes; after an uplink at DR0, 2 fit"},
		{"port:2", "x", func(u *event.Uplink) { u.DR = 14 }, "data rate"},
		{"port:2", "x", func(u *event.Uplink) { u.Overrides.RX1DROffset = dfu.Some(7) }, "bad device tag"},
		{"port:2", "x", func(u *event.Uplink) { u.Refused = event.ErrTag }, "bad device tag"},
	} {
		w := newWorld(t)
		up := w.say(2, "x")
		if up.DR = 0; tt.change != nil {
			tt.change(&up)
		}
		w.handle(up)
		w.send(tt.name, tt.payload)
		w.nothing(pending)
		w.rejected(front.BadCommand, 1)
		if !strings.Contains(w.log.String(), tt.why) {
			t.Errorf("%q is not in the log: %s", tt.why, w.log)
		}
		if tt.change == nil {
			w.send(tt.name, tt.payload)
			w.send("port:2", long[:51])
			w.goes(pending, 2, long[:51])
		}
	}
}

// TestCommandInUpdate: Writes and commands take turns in the queue, and are
// never in it together.
func TestCommandInUpdate(t *testing.T) {
	for _, kind := range []lorawan.Server{
		lorawan.ChirpStackV3, lorawan.ChirpStackV4, lorawan.TheThingsStack,
	} {
		w := newWorld(t, server(kind))
		ack := func(dl event.Downlink) event.TxAck {
			if kind == lorawan.ChirpStackV3 {
				dl.ID = event.DownlinkID{}
			}
			return event.TxAck{Device: sensor, ID: dl.ID}
		}
		cmd, dl := w.ask(5, at(0))
		n := w.write(cmd, 0)
		for _, payload := range []string{"a", "b", "c"} {
			w.send("port:2", payload)
		}
		w.nothing(pending) // the Write is queued
		dl = w.goes(ack(dl), 2, "a")
		w.silent(5, at(n)) // a is queued
		w.nothing(ack(dl)) // firmware's turn
		w.nothing(pending)
		cmd, dl = w.ask(5, at(n))
		n += w.write(cmd, n)
		dl = w.goes(ack(dl), 2, "b")
		w.nothing(ack(dl))
		w.goes(w.say(2, "x"), 2, "c") // no Status came to be answered
		w.silent(5, at(n))
	}
}

// TestCommandAsProbe: where a downlink left no sign and no Status comes to probe
// the queue, a command does.
func TestCommandAsProbe(t *testing.T) {
	for _, kind := range []lorawan.Server{lorawan.ChirpStackV3, lorawan.ChirpStackV4} {
		w := newWorld(t, server(kind))
		w.send("port:2", "lost")
		w.goes(w.say(2, "x"), 2, "lost")
		w.send("port:2", strings.Repeat("x", 242)) // could starve
		w.send("port:2", "probe")
		for range 4 {
			w.nothing(w.say(2, "x"))
		}
		dl := w.goes(w.say(2, "x"), 2, "probe")
		w.rejected(front.BadCommand, 1)
		if kind == lorawan.ChirpStackV3 {
			dl.ID = event.DownlinkID{}
		}
		w.nothing(event.TxAck{Device: sensor, ID: dl.ID})
		if kind == lorawan.ChirpStackV3 {
			w.silent(5, at(0)) // of two, one may still be queued
		}
		cmd, _ := w.ask(5, at(0))
		w.write(cmd, 0)
	}
}

// TestUnsentCommand: it is counted; the queue is free.
func TestUnsentCommand(t *testing.T) {
	w := newWorld(t)
	w.send("port:2", "a")
	dl := w.goes(w.say(2, "x"), 2, "a")
	w.Unsent(dl, errTest)
	w.rejected(lorawan.Undeliverable, 1)
	cmd, _ := w.ask(5, at(0))
	w.write(cmd, 0)
}

// TestQueueModel lets a device update over a network server whose queue is
// modelled: answers are late, downlinks and txacks get lost, MAC commands take
// room, and commands come at any time. There is never more than one Write in
// the queue.
func TestQueueModel(t *testing.T) {
	for _, kind := range []lorawan.Server{
		lorawan.ChirpStackV3, lorawan.ChirpStackV4, lorawan.TheThingsStack,
	} {
		delivered, done := 0, 0
		for seed := range uint64(300) {
			m := newModel(t, kind, seed)
			for range 400 {
				m.step()
			}
			delivered += m.delivered
			if m.offset == size {
				done++
			}
		}
		if done < 250 || delivered < 1000 {
			t.Errorf("%s: %d of 300 updates came to their end, %d commands arrived", kind, done, delivered)
		}
		t.Logf("%s: %d of 300 updates came to their end, %d commands arrived", kind, done, delivered)
	}
}
