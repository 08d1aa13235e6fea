package rest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const resourceText = `{"metadata":{"name":"d1","application":"app","uid":"u","resourceVersion":"v",` +
	`"labels":{"a":"b"},"annotations":{"x":"y"},"finalizers":["f"]},` +
	`"spec":{"core":{},"firmware":{"file":{"name":"n"}},"n":1e400},"status":{"s":[1,{"b":2}]},"extra":null}`

func TestResourceKeepsEverything(t *testing.T) {
	var r Resource
	if err := json.Unmarshal([]byte(resourceText), &r); err != nil {
		t.Fatal(err)
	}
	if err := r.SetStatus("firmware", json.RawMessage(`{"current":"1"}`)); err != nil {
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
	f.Add([]byte(resourceText))
	f.Add([]byte(`{"metadata":{"name":"x"},"status":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Resource
		if json.Unmarshal(b, &r) != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil || !json.Valid(again) {
			t.Fatalf("%q is read and written as %q, %v", b, again, err)
		}
		if err := r.SetStatus("firmware", json.RawMessage(`{"current":"1"}`)); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(r); err != nil || !json.Valid(b) {
			t.Errorf("with a status: %q, %v", b, err)
		}
	})
}
