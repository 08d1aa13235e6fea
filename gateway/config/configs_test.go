package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"havn/fault"
)

const configs = "../../configs"

func TestReferenceIsDefault(t *testing.T) {
	got, err := Load(filepath.Join(configs, "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(Default(), got); d != "" {
		t.Error(d)
	}
}

func TestReferenceHasEveryKey(t *testing.T) {
	name := filepath.Join(configs, "gateway.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root, _ := newSource(name, text).node()
	c := Default()
	d := decoder{places: map[string]position{}}
	d.value("", root, reflect.ValueOf(&c).Elem())
	everyKey(reflect.TypeFor[Config](), "", func(path string) {
		if _, ok := d.places[path]; !ok {
			t.Errorf("%s lacks %s", name, path)
		}
	})
	sections(reflect.TypeFor[Config](), func(section reflect.Type) {
		for _, key := range keys(section) {
			if !regexp.MustCompile(`(?m)^[ #-]*\b` + key + `:`).Match(text) {
				t.Errorf("%s does not describe %s of %s", name, key, section)
			}
		}
	})
}

// everyKey calls visit with the path of every key outside of lists.
func everyKey(t reflect.Type, path string, visit func(string)) {
	if isValue(t) || t.Kind() != reflect.Struct {
		return
	}
	for _, f := range fields(t) {
		key := fault.Join(path, f.key)
		visit(key)
		everyKey(t.FieldByIndex(f.index).Type, key, visit)
	}
}

func TestConfigsLoad(t *testing.T) {
	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	for _, name := range []string{"registry-password", "hawkbit-token"} {
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(configs, "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, name := range files {
		if _, err := Load(name); err != nil {
			t.Error(err)
		}
	}
}
