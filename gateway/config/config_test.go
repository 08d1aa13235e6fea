package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/coap"
	"havn/front"
	"havn/gateway/admin"
	"havn/link/mqtt"
	"havn/lorawan"
	"havn/lorawan/region"
	"havn/upstream/drogue"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

func diff(a, b Config) string { return cmp.Diff(a, b, cmp.Comparer(samePrefix)) }

func TestEmptyFileIsDefault(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "{}", "coap:\nfirmware: ~\n"} {
		got, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if d := diff(Default(), got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(name, []byte("data: /d\ndevises: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	want := Problem{name, 2, 1, "devises: unknown key: did you mean devices?", "devises: {}"}
	if d := cmp.Diff(Problems{want}, problems); d != "" {
		t.Error(d)
	}
	if _, err := Load(name + ".missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(filepath.Dir(name)); err == nil {
		t.Error("a directory is accepted")
	}
}

// full returns a configuration with something in every list.
func full(t *testing.T) Config {
	name := filepath.Join(t.TempDir(), "$ecret file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Admin = admin.Config{Listen: "[::1]:0", TokenFile: name, Certificate: name, Key: name}
	c.Chunks.CoAP.Profiles = []coap.Profile{
		{Pattern: front.Pattern{Subnet: netip.MustParsePrefix("fd00:abcd::/64")}, BlockSize: 64, WriteSize: 64, Align: 4},
		{Pattern: front.Pattern{Device: "sensor-*"}},
	}
	c.Firmware.Registries = []oci.Registry{
		{Host: "registry.example:5000", Username: "u", PasswordFile: name},
		{Host: "other.example", PlainHTTP: true},
	}
	c.Firmware.Prefix = "registry.example:5000/fw"
	c.Firmware.Allow = []string{"registry.example:5000/*"}
	c.Firmware.File.Directory = "/srv/firmware"
	c.Firmware.Hawkbit = hawkbit.Config{
		URL: "https://hawkbit.example", Tenant: "plant 7", GatewayTokenFile: name, Artifact: "os/*.bin", CA: name,
	}
	c.Firmware.Desired = []Rule{
		{Application: "a", Device: "d", Container: &oci.Ref{Image: "blinky:v2", ImagePullPolicy: oci.PullAlways}},
		{File: &file.Ref{Name: "blinky"}},
		{Device: "e", Hawkbit: &hawkbit.Ref{Controller: "7"}},
	}
	rx2 := 3
	c.LoRaWAN.Networks = []lorawan.Config{{
		Name: "plant", Server: lorawan.ChirpStackV4, Application: "a",
		Radio:  region.Config{Region: "EU868", RX2DR: &rx2, Window: region.Both},
		MQTT:   mqtt.Config{URL: "mqtts://broker.example:8883", Username: "u", PasswordFile: name, CA: name},
		FPorts: []int{223, 10}, AirtimeBudget: 0.015,
	}}
	c.Upstream.Drogue.Registry.URL, c.Upstream.Drogue.Registry.TokenFile = "https://api.example", name
	c.Upstream.Drogue.Endpoints = []drogue.Endpoint{
		{URL: "mqtts://mqtt.example", Application: "a", Device: "gw", PasswordFile: name},
	}
	c.Update.Poll = 36*time.Hour + 90*time.Second
	return c
}

func TestPrintReadsBack(t *testing.T) {
	for name, want := range map[string]Config{"default": Default(), "full": full(t)} {
		var text strings.Builder
		if err := want.Print(&text); err != nil {
			t.Fatal(err)
		}
		got, err := Parse(name, []byte(text.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestPrintWriteError(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	if err := Default().Print(w); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestFields keeps a mistyped tag from making a key that nothing reads, and
// two inlined structs from claiming one key.
func TestFields(t *testing.T) {
	sections(reflect.TypeFor[Config](), func(section reflect.Type) {
		for i := range section.NumField() {
			if f := section.Field(i); f.IsExported() && f.Tag.Get("yaml") == "" {
				t.Errorf("%s.%s has no yaml tag", section, f.Name)
			}
		}
		seen := map[string]bool{}
		for _, key := range keys(section) {
			if seen[key] || key != strings.TrimSpace(key) {
				t.Errorf("%s: key %q", section, key)
			}
			seen[key] = true
		}
	})
}

// sections calls visit with every struct type of the configuration.
func sections(t reflect.Type, visit func(reflect.Type)) {
	switch {
	case isValue(t):
		return
	case t.Kind() != reflect.Struct:
		sections(t.Elem(), visit)
		return
	}
	visit(t)
	for _, f := range fields(t) {
		sections(t.FieldByIndex(f.index).Type, visit)
	}
}

// FuzzParse checks that nothing makes the parser panic, and that what it
// accepts is printed to something that means the same.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no configurations: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(yamlText(Default())))
	f.Add([]byte("a: &a [*a, <<: {? b}, !!str c, ${HOME}]\n---\n%\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a problem")
			}
			return
		}
		printed := yamlText(c)
		again, err := Parse("printed.yaml", []byte(printed))
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if d := diff(c, again); d != "" {
			t.Errorf("%s\n%s", printed, d)
		}
	})
}
