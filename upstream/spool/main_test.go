package spool

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/status"
	"havn/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const cloud, registry = "cloud", "registry"

func open(t testing.TB, dir string, cfg Config, lines ...string) *Spool {
	t.Helper()
	s, err := Open(dir, cfg, lines, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// reopen returns what another process would find.
func reopen(t *testing.T, s *Spool, dir string, cfg Config, lines ...string) *Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir, cfg, lines...)
}

// statusOf makes an event; offset tells it from others.
func statusOf(device string, kind upstream.Kind, offset int) upstream.Event {
	dev := dfu.Device{Application: "app", Name: device}
	return upstream.Event{
		Kind: kind, Device: dev, Time: time.UnixMilli(1234).UTC(),
		Status: status.Status{
			Device: dev, Current: "v1", Target: "v2", State: status.Updating, Offset: uint32(offset), Size: 1 << 20,
			Progress: 0.25, Protocol: "coap",
		},
	}
}

func telemetry(device string, payload []byte) upstream.Event {
	return upstream.Event{
		Kind: upstream.Telemetry, Device: dfu.Device{Application: "app", Name: device},
		Time: time.UnixMilli(1234).UTC(), Channel: "state", ContentType: "text/plain", Payload: payload,
	}
}

func add(t testing.TB, s *Spool, line string, events ...upstream.Event) {
	t.Helper()
	var entries []upstream.Entry
	for _, e := range events {
		entries = append(entries, upstream.Entry{Line: line, Event: e})
	}
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
}

func everything(dfu.Device) bool { return false }

func held(t testing.TB, s *Spool, line string) []upstream.Entry {
	t.Helper()
	entries, err := s.Next(line, 1<<30, everything)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// texts renders what a line holds, in short.
func texts(t testing.TB, s *Spool, line string) (list []string) {
	t.Helper()
	for _, e := range held(t, s, line) {
		text := fmt.Sprintf("%s %s %d", e.Event.Device.Name, e.Event.Kind, e.Event.Status.Offset)
		if e.Event.Kind == upstream.Telemetry {
			text = fmt.Sprintf("%s %s", e.Event.Device.Name, e.Event.Payload)
		}
		list = append(list, text)
	}
	return list
}
