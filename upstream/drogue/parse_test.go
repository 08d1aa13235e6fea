package drogue

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/firmware"
	"havn/status"
)

var specs = []string{
	`{"container":{"image":"h/n:1","imagePullPolicy":"Always"}}`,
	`{"file":{"name":"blinky"}}`,
	`{"hawkbit":{"controller":"c1"}}`,
}

func TestSpecPrefixesFail(t *testing.T) {
	for _, text := range specs {
		for n := range len(text) {
			if _, err := parseSpec(json.RawMessage(text[:n])); !errors.Is(err, firmware.ErrInvalid) {
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
		spec, err := parseSpec(b)
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
		if got, err := parseSpec(again); err != nil || got.Key() != spec.Key() {
			t.Errorf("%q is %q, written as %q, which is %q, %v", b, spec.Key(), again, got.Key(), err)
		}
	})
}

const resourceText = `{"metadata":{"name":"d1","application":"app","uid":"u","resourceVersion":"v",` +
	`"labels":{"a":"b"},"annotations":{"x":"y"},"finalizers":["f"]},` +
	`"spec":{"core":{},"firmware":{"file":{"name":"n"}},"n":1e400},"status":{"s":[1,{"b":2}]},"extra":null}`

func TestResourceKeepsEverything(t *testing.T) {
	var r Resource
	if err := json.Unmarshal([]byte(resourceText), &r); err != nil {
		t.Fatal(err)
	}
	if err := r.setStatus("firmware", json.RawMessage(`{"current":"1"}`)); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"extra":null,"metadata":{"name":"d1","application":"app","uid":"u","resourceVersion":"v",` +
		`"labels":{"a":"b"},"annotations":{"x":"y"},"finalizers":["f"]},` +
		`"spec":{"core":{},"firmware":{"file":{"name":"n"}},"n":1e400},` +
		`"status":{"firmware":{"current":"1"},"s":[1,{"b":2}]}}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	if r.Metadata.ResourceVersion != "v" || r.Metadata.Labels["a"] != "b" {
		t.Errorf("metadata %+v", r.Metadata)
	}
}

func TestResourcePrefixesFail(t *testing.T) {
	for n := range len(resourceText) {
		var r Resource
		if json.Unmarshal([]byte(resourceText[:n]), &r) == nil {
			t.Errorf("%s is read", resourceText[:n])
		}
	}
	for _, bad := range []string{`null`, `{}`, `[]`, `{"metadata":{}}`, `{"metadata":{"name":"x"},"spec":[]}`} {
		if r := new(Resource); r.UnmarshalJSON([]byte(bad)) == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// FuzzResource: what can be read can be written back, with the same meaning,
// and with a status.
func FuzzResource(f *testing.F) {
	f.Add([]byte(resourceText), []byte(`{"conditions":[{"type":"InSync","status":"True"}]}`))
	f.Add([]byte(`{"metadata":{"name":"x"},"status":null}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, b, old []byte) {
		var r Resource
		if json.Unmarshal(b, &r) != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil || !json.Valid(again) {
			t.Fatalf("%q is read and written as %q, %v", b, again, err)
		}
		answerOf(&r)
		s := &status.Status{Current: "1", Target: "2"}
		text, err := next(s, old, t0)
		if err != nil || text == nil {
			return // says the same already
		}
		if err := r.setStatus(section, text); err != nil {
			t.Fatal(err)
		}
		if rest, err := next(s, text, t1); rest != nil || err != nil {
			t.Errorf("%s is followed by %s, %v", text, rest, err)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"type":"io.drogue.registry.v1","application":"app","device":"d1"}`))
	r, err := NewRegistry(
		Config{Integration: IntegrationConfig{URL: "mqtt://127.0.0.1:1"}}, Parts{Store: &memory{}})
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
		r, err := NewRegistry(Config{}, Parts{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Desired(dev); err == nil && !json.Valid(b) {
			t.Errorf("%q desires something", b)
		}
	})
}
