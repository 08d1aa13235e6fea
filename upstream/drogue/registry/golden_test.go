package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream/drogue"
)

// What the registry said is stored as in testdata/application.json, and read
// from there by a process that cannot ask the registry.
func TestStoredAnswers(t *testing.T) {
	text, err := os.ReadFile("testdata/application.json")
	if err != nil {
		t.Fatal(err)
	}
	store := &memory{m: map[string][]byte{"applications": []byte(`["app"]`), "application/app": text}}
	r, err := New(drogue.Config{}, Parts{Kinds: kinds, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d1": "host/name:tag", "d2": "", "d3": "file:blinky"} {
		spec, err := r.Desired(dfu.Device{Application: "app", Name: name})
		if spec.Key() != want || (want == "") != errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("%s: %s, %v, want %s", name, spec.Key(), err, want)
		}
	}
	clear(store.m)
	r.apps["app"].dirty, r.index = true, true
	r.save()
	var got bytes.Buffer
	if err := json.Indent(&got, store.m["application/app"], "", "  "); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), got.String()+"\n"); diff != "" {
		t.Error(diff)
	}
	if got := string(store.m["applications"]); got != `["app"]` {
		t.Errorf("applications: %s", got)
	}
}
