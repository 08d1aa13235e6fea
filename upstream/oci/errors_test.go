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
		strings.Repeat("x", maxText+1):         strings.Repeat("x", maxText),
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
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
