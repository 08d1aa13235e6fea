package oci

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                                "plain",
		"first\nsecond":                        "first",
		"bell\a, escape\x1b[31m":               "bell, escape[31m",
		"bad \xff byte":                        "bad \ufffd byte",
		`Get "https://s/x?sig=1&b=2": refused`: `Get "https://s/x?...": refused`,
		"a?b c?d":                              "a?... c?...",
		strings.Repeat("x", maxText):           strings.Repeat("x", maxText),
		strings.Repeat("x", maxText+1):         strings.Repeat("x", maxText) + "...",
		strings.Repeat("x", maxText-1) + "é":   strings.Repeat("x", maxText-1) + "...",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestFetchOutOfArchive: what was resolved once and is not there now was changed
// on its way.
func TestFetchOutOfArchive(t *testing.T) {
	d := newDouble(t)
	s := sourceOf(t, d)
	m := firmware.Metadata{Size: 12, Digest: digestOf([]byte("the firmware"))}
	for name, test := range map[string]struct {
		layer []byte
		want  error
	}{
		"good":       {imageOf("the firmware"), nil},
		"other file": {archive(file{name: "firmware.json", data: "{}"}), firmware.ErrDigest},
		"other data": {imageOf("The firmware"), firmware.ErrDigest},
	} {
		layer := d.layer("fw", gzipType, test.layer)
		m.Origin = firmware.Origin{Repository: d.image("fw"), Layer: layer.Digest.String(),
			Path: "firmware.bin"}
		if _, err := fetchAll(t, s, m); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
	broken := d.layer("fw", gzipType, []byte("no archive"))
	m.Origin.Layer = broken.Digest.String()
	if _, err := fetchAll(t, s, m); err == nil || sentinel(err) != nil {
		t.Errorf("no archive: error %v, want one without sentinel", err)
	}
}

func TestFetchRefusesBadOrigins(t *testing.T) {
	s := newSource(t, Config{Allow: []string{"*"}})
	good := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}.String()
	for _, origin := range []firmware.Origin{
		{}, {Repository: "r.example/FW", Layer: good}, {Repository: "r.example/a/../b", Layer: good},
		{Repository: "r.example/fw"}, {Repository: "r.example/fw", Layer: "sha256:../../x"},
	} {
		_, err := s.Fetch(t.Context(), firmware.Metadata{Origin: origin})
		if !errors.Is(err, firmware.ErrInvalid) {
			t.Errorf("%+v: error %v, want %v", origin, err, firmware.ErrInvalid)
		}
	}
}
