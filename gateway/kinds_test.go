package gateway

import (
	"reflect"
	"testing"

	"havn/firmware"
	"havn/gateway/config"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

// TestKindsByKey: what an operator assigns names its kind, images of registries do not.
func TestKindsByKey(t *testing.T) {
	for key, want := range map[string]firmware.Spec{
		"registry.example/fw/pump:1.1": oci.Ref{Image: "registry.example/fw/pump:1.1"}.Spec(),
		"localhost:5000/pump@sha256:0": oci.Ref{Image: "localhost:5000/pump@sha256:0"}.Spec(),
		"file:pump":                    file.Ref{Name: "pump"}.Spec(),
		"hawkbit:site/pump":            hawkbit.Ref{Controller: "site/pump"}.Spec(),
		"hawkbit:{device}":             hawkbit.Ref{Controller: firmware.DeviceName}.Spec(),
	} {
		if got := Kinds.ParseKey(key); got != want || got.Key() != key {
			t.Errorf("%s: %+v", key, got)
		}
	}
}

// TestKindsAreThoseOfTheRules requires that firmware.desired can name each kind of
// source, and that there is a source of each kind it can name.
func TestKindsAreThoseOfTheRules(t *testing.T) {
	sections := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Rule]()) {
		if field.Type.Kind() == reflect.Pointer {
			sections[field.Tag.Get("yaml")] = true
		}
	}
	for _, kind := range Kinds {
		if !sections[kind.Name] {
			t.Errorf("config.Rule has no section %s", kind.Name)
		}
		delete(sections, kind.Name)
	}
	if len(sections) > 0 {
		t.Errorf("config.Rule has sections of unknown kinds: %v", sections)
	}
}
