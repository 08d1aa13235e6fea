package file

import (
	"bytes"
	"testing"
)

func TestLooksLike(t *testing.T) {
	const record = ":10010000214601360121470136007EFE09D2190140"
	for _, test := range []struct{ name, bytes, want string }{
		{"empty", "", ""},
		{"vector table", "\x00\x00\x02\x20\xc1\x01\x00\x08", ""},
		{"text", ":hello", ""},
		{"ELF", "\x7fELF\x01\x01\x01", "ELF"},
		{"half an ELF magic", "\x7fEL", ""},
		{"UF2", "UF2\n\x57\x51\x5d\x9e\x00\x20", "UF2"},
		{"text that starts as UF2", "UF2\nis a format", ""},
		{"Intel HEX", record + "\n:00000001FF\n", "Intel HEX"},
		{"Intel HEX, DOS lines", record + "\r\n:00000001FF\r\n", "Intel HEX"},
		{"Intel HEX, end record", ":00000001FF", "Intel HEX"},
		{"wrong sum", record[:len(record)-1] + "1\n", ""},
		{"wrong length", ":" + "11" + record[3:] + "\n", ""},
		{"cut record", record[:20], ""},
		{"colon", ":", ""},
	} {
		if got := LooksLike([]byte(test.bytes)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzLooksLike(f *testing.F) {
	f.Add([]byte(":00000001FF\n"))
	f.Add([]byte("\x7fELF"))
	f.Add([]byte("UF2\n\x57\x51\x5d\x9e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := LooksLike(b)
		if more := LooksLike(append(bytes.Clone(b), '\n')); got != "" && more != got {
			t.Errorf("%q is %q, with a line end %q", b, got, more)
		}
	})
}
