package link

import (
	"testing"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	for text, want := range map[string]string{
		"short": "short", "as long": "as long", "too long": "too lon", "two\r\nlines": "twoline",
		"\x1b[31mred": "[31mred", "sechs ü": "sechs ", "\xff": "\ufffd", "": "",
	} {
		if got := Clip(text, 7); got != want {
			t.Errorf("%q is clipped to %q, want %q", text, got, want)
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("text\n", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		n &= 0xff
		if got := Clip(text, n); len(got) > n || !utf8.ValidString(got) {
			t.Errorf("%q is clipped to %q", text, got)
		}
	})
}
