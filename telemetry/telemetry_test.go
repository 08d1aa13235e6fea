package telemetry

import (
	"errors"
	"strings"
	"testing"
)

func TestValidChannel(t *testing.T) {
	long := strings.Repeat("x", 255)
	for s, want := range map[string]bool{
		"sensor": true, "2": true, "a b é": true, "$x": true, long: true,
		"": false, long + "x": false, "a/b": false, "a+b": false, "#": false, "a\x00": false, "\xff": false,
	} {
		if ValidChannel(s) != want {
			t.Errorf("%.20q: want %v", s, want)
		}
	}
}

func TestMediaType(t *testing.T) {
	tests := []struct{ said, payload, want string }{
		{"", `{"t":1}`, TypeJSON},
		{"", "1", TypeJSON},
		{"", "{t", TypeBytes},
		{"", "", TypeBytes},
		{"", "\"\xff\"", TypeBytes},
		{"application/json; charset=utf-8", "1", TypeJSON},
		{"application/senml+json", "[]", TypeJSON},
		{"text/json", "[]", TypeJSON},
		{"application/json", "", ""},
		{"application/senml+json", "{", ""},
		{"application/cbor", "1", "application/cbor"},
		{TypeBytes, "1", TypeBytes},
	}
	for _, tt := range tests {
		got, err := MediaType(tt.said, []byte(tt.payload))
		if got != tt.want || errors.Is(err, ErrNotJSON) != (tt.want == "") {
			t.Errorf("%q of %q: %q, %v, want %q", tt.payload, tt.said, got, err, tt.want)
		}
	}
}
