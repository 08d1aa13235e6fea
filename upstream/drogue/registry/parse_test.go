package registry

import (
	"encoding/json"
	"errors"
	"testing"

	"havn/firmware"
	"havn/status"
	"havn/upstream/drogue"
)

var specs = []string{
	`{"container":{"image":"h/n:1","imagePullPolicy":"Always"}}`,
	`{"file":{"name":"blinky"}}`,
	`{"hawkbit":{"controller":"c1"}}`,
}

func TestSpecPrefixesFail(t *testing.T) {
	for _, text := range specs {
		for n := range len(text) {
			if _, err := parseSpec(kinds, json.RawMessage(text[:n])); !errors.Is(err, firmware.ErrInvalid) {
				t.Errorf("%s: %v", text[:n], err)
			}
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, text := range specs {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"oci":{"image":"h/n"}}`))
	f.Add([]byte(`{"ftp":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		spec, err := parseSpec(kinds, b)
		if err != nil {
			if !errors.Is(err, firmware.ErrInvalid) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		again, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseSpec(kinds, again); err != nil || got.Key() != spec.Key() {
			t.Errorf("%q is %q, written as %q, which is %q, %v", b, spec.Key(), again, got.Key(), err)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"type":"io.drogue.registry.v1","application":"app","device":"d1"}`))
	r, err := New(
		drogue.Config{Integration: drogue.IntegrationConfig{URL: "mqtt://127.0.0.1:1"}}, Parts{Kinds: kinds, Store: &memory{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r.events.receive("app/app", b)
		if r.open != 0 {
			t.Errorf("%q has a device asked for that nobody knows", b)
		}
	})
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"firmware":{"file":{"name":"n"}},"devices":{"d1":{"missing":true},"d2":{"firmware":null}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		store := &memory{m: map[string][]byte{indexKey: []byte(`["app"]`), keyPrefix + "app": b}}
		r, err := New(drogue.Config{}, Parts{Kinds: kinds, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Desired(dev); err == nil && !json.Valid(b) {
			t.Errorf("%q desires something", b)
		}
	})
}

// FuzzStatus: what follows any section of the status says what is new, and is
// followed by nothing.
func FuzzStatus(f *testing.F) {
	f.Add([]byte(`{"conditions":[{"type":"InSync","status":"True"}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, old []byte) {
		s := &status.Status{Current: "1", Target: "2"}
		text, err := next(s, old, t0)
		if err != nil || text == nil {
			return // says the same already
		}
		if rest, err := next(s, text, t1); rest != nil || err != nil {
			t.Errorf("%s is followed by %s, %v", text, rest, err)
		}
	})
}
