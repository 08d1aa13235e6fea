package gateway

import (
	"reflect"
	"testing"

	"havn/gateway/config"
)

// TestKindsAreThoseOfTheRules requires that firmware.desired can name each kind of
// source, and that there is a source of each kind it can name.
func TestKindsAreThoseOfTheRules(t *testing.T) {
	sections := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Rule]()) {
		if field.Type.Kind() == reflect.Pointer {
			sections[field.Tag.Get("yaml")] = true
		}
	}
	for _, kind := range kinds {
		if !sections[kind.Name] {
			t.Errorf("config.Rule has no section %s", kind.Name)
		}
		delete(sections, kind.Name)
	}
	if len(sections) > 0 {
		t.Errorf("config.Rule has sections of unknown kinds: %v", sections)
	}
}
