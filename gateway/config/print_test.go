package config

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/firmware"
)

func TestPrintKinds(t *testing.T) {
	s := sample{
		Text:  "a",
		Flag:  true,
		Count: -5,
		Small: 255,
		Size:  256 * firmware.MiB,
		Age:   36 * time.Hour,
		Net:   netip.MustParsePrefix("fd00::/64"),
		Names: []string{"x", "5", "${HOME}", "*"},
		Rates: map[int]int{10: 230, 5: 200, 0: 32},
		Rules: []sampleRule{{Device: "d", SampleSources: SampleSources{&sampleFile{"n"}}}, {}},
	}
	const want = `
text: a
flag: true
count: -5
small: 255
size: 256MiB
age: 1d12h
net: fd00::/64
names:
  - x
  - 5
  - "$${HOME}"
  - "*"
rates:
  0: 32
  5: 200
  10: 230
inner:
  port: 0
  name: ""
rules:
  - device: d
    file:
      name: n
  - device: ""
`
	got := yamlText(s)
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
}

func TestPrintRedacts(t *testing.T) {
	section := struct {
		User         string `yaml:"user"`
		Password     string `yaml:"password"`
		PasswordFile string `yaml:"password_file"`
		Key          string `yaml:"key"`
		Gateway      string `yaml:"gateway_token"`
		None         string `yaml:"secret"`
	}{"u", "hunter2", "/run/password", "/run/key.pem", "hunter3", ""}
	got := yamlText(section)
	const want = `
user: u
password: REDACTED
password_file: /run/password
key: /run/key.pem
gateway_token: REDACTED
secret: ""
`
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
}

func TestDurationText(t *testing.T) {
	tests := map[time.Duration]string{
		0:                         "0s",
		time.Nanosecond:           "1ns",
		1500 * time.Millisecond:   "1.5s",
		90 * time.Second:          "1m30s",
		300 * time.Second:         "5m",
		time.Hour:                 "1h",
		time.Hour + 5*time.Second: "1h0m5s",
		90 * time.Minute:          "1h30m",
		24 * time.Hour:            "1d",
		36 * time.Hour:            "1d12h",
		30 * day:                  "30d",
		10*day + 10*time.Minute:   "10d10m",
		math.MaxInt64:             "106751d23h47m16.854775807s",
		-time.Minute:              "-1m0s",
	}
	for d, want := range tests {
		got := scalar(reflect.ValueOf(d))
		if got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
		var back time.Duration
		if err := setDuration(&back, got); err != nil || back != d {
			t.Errorf("%s reads back as %v, %v", got, back, err)
		}
	}
}

func TestSetDurationRefuses(t *testing.T) {
	for _, text := range []string{
		"", "5", "d", "d5s", "1.5d", "-1d", "1d-5s", "1d2d", "1d 2h", "106752d", "106751d24h",
		"1d106751d", "99999999999999999999d", "3000000h", "1day", "one",
	} {
		var d time.Duration
		if err := setDuration(&d, text); err == nil {
			t.Errorf("%q is accepted as %v", text, d)
		}
	}
}

// FuzzText checks that any text that a key or an environment variable can hold
// survives printing.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"", " ", "a", "a: b", "- a", "#", "a #b", "null", "~", "true", "1", "1.5", "0x1", ".inf", "<<",
		"'", "''", `"`, `\`, `a\nb`, "a\nb", "a\nb\n", "\n", "\n\n", "  a\n b", "\t", "\ta\n", "\r\n", "\x00", "\x1b[1m", "\u0085", "\u2028", "\uFEFF",
		"é", "😀", "${A}", "$", "$$", "%a", "@a", "`a", "!a", "&a", "*a", "|", ">", "?", "? a", "-", "---", "...", "..", ".a", "--- a", "{a", "[a", "a,b", "=", "2001-01-01", "1:30",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		want := sample{Text: text, Names: []string{text}, Inner: sampleInner{Name: text}}
		printed := yamlText(want)
		var got sample
		if err := decode("f", []byte(printed), &got, nothing); err != nil {
			t.Fatalf("%s\n%v", printed, err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(samePrefix)); diff != "" {
			t.Errorf("%s\n%s", printed, diff)
		}
	})
}
