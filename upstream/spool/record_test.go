package spool

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"havn/firmware"
	"havn/status"
	"havn/upstream"
)

func samples() []upstream.Event {
	failed := statusOf("b\xff", upstream.Transition, 1<<20)
	failed.Status.Error, failed.Status.Progress = "rolled back \x00", 1
	failed.Status.Digest, failed.Status.Order = firmware.Digest{1, 31: 2}, "17"
	return []upstream.Event{
		statusOf("a", upstream.Transition, 0), statusOf("a", upstream.Progress, 77), failed,
		telemetry("c", []byte{0, 1, 2}), telemetry("", nil),
		{Kind: upstream.Transition, Time: telemetry("", nil).Time, Status: status.Status{State: status.Unknown}},
	}
}

// Every state comes out of the spool as it went in, with all of the status that
// matters later.
func TestEveryState(t *testing.T) {
	for _, state := range status.States {
		e := statusOf("a", upstream.Transition, 7)
		e.Status.State, e.Status.Error, e.Status.Order = state, "why", "17"
		e.Status.Digest = firmware.Digest{1}
		for i, v := 0, reflect.ValueOf(e.Status); i < v.NumField(); i++ {
			name := v.Type().Field(i).Name
			if stored := name != "LastSeen" && name != "ETA"; stored == v.Field(i).IsZero() {
				t.Fatalf("%s: decide whether it is stored", name)
			}
		}
		got, err := decodeEvent(newID(1, e.Kind), encoded(t, e))
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%s: %v: %s", state, err, diff)
		}
	}
	e := statusOf("a", upstream.Transition, 7)
	e.Status.State = "asleep"
	if _, err := decodeEvent(newID(1, e.Kind), encoded(t, e)); !errors.Is(err, errRecord) {
		t.Errorf("a state that there is not: %v", err)
	}
}

func encoded(t testing.TB, e upstream.Event) []byte {
	t.Helper()
	data, err := encodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryPrefixFails(t *testing.T) {
	for _, e := range samples() {
		data := encoded(t, e)
		if got, err := decodeEvent(newID(1, e.Kind), data); err != nil || !cmp.Equal(e, got) {
			t.Errorf("%v: %s", err, cmp.Diff(e, got))
		}
		for n := range data {
			if _, err := decodeEvent(newID(1, e.Kind), data[:n]); err == nil {
				t.Errorf("the first %d of %d bytes decode", n, len(data))
			}
		}
		if _, err := decodeEvent(newID(1, 9), data); err == nil {
			t.Error("an unknown kind decodes")
		}
	}
}

// What decodes comes out of the spool again as it went in, and can be sent.
func FuzzDecodeEvent(f *testing.F) {
	for _, e := range samples() {
		f.Add(newID(1, e.Kind), encoded(f, e))
	}
	f.Add(newID(1, upstream.Telemetry), []byte("\xa3\x0e@\x02@\x03900")) // an empty payload
	f.Fuzz(func(t *testing.T, id uint64, data []byte) {
		e, err := decodeEvent(id, data)
		if err != nil {
			return
		}
		again, err := decodeEvent(id, encoded(t, e))
		if diff := cmp.Diff(e, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v: %s", err, diff)
		}
		if _, _, err := e.Body(); err != nil && e.Time.Year() <= 9999 && e.Time.Year() >= 0 {
			t.Fatal(err)
		}
	})
}
