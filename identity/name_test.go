package identity

import (
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"d": true, "sensor-7": true, "a b": true, "é": true, "aé": true, "日本": true, strings.Repeat("x", MaxName): true,
		"": false, "/": false, "a/": false, "a/b": false, "é/": false, "a\xff": false, "\xffa": false, "aé\xc3": false,
		strings.Repeat("x", MaxName+1): false,
	} {
		if ValidName([]byte(name)) != want {
			t.Errorf("%.20q: want %t", name, want)
		}
	}
}
