package firmware

import "testing"

func TestPrintable(t *testing.T) {
	for version, want := range map[string]string{
		"": "", "v1.2": "v1.2", "\xff\x00": "0xff00", "a\nb": "0x610a62", "größe": "größe",
	} {
		if got := Printable(version); got != want {
			t.Errorf("Printable(%q) = %q, want %q", version, got, want)
		}
	}
}
