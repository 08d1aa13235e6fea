package identity

import (
	"bytes"
	"encoding/hex"
	"unicode/utf8"
)

// MaxName bounds the names of applications and devices, bytes. A segment of a
// CoAP path is not longer either.
const MaxName = 255

// ValidName reports whether b can name an application or a device. A "/" could not
// be told from the separator in paths, topics and logs.
func ValidName(b []byte) bool {
	if len(b) == 0 || len(b) > MaxName {
		return false
	}
	for i, c := range b { // names are short and mostly ASCII: one look at each byte
		switch {
		case c == '/':
			return false
		case c >= utf8.RuneSelf:
			return utf8.Valid(b[i:]) && bytes.IndexByte(b[i:], '/') < 0
		}
	}
	return true
}

// name is a name that may not be there. It holds its bytes, so that it can live on
// the stack.
type name struct {
	set  bool
	n    uint8
	text [MaxName]byte
}

func (n *name) bytes() []byte { return n.text[:n.n] }

// copy sets n to s as it is. It reports false if s is too long.
func (n *name) copy(s []byte) bool {
	if len(s) > MaxName {
		return false
	}
	n.set, n.n = true, uint8(copy(n.text[:], s))
	return true
}

// decode sets n to s with its %XX decoded, and in a form each "+" too. It reports
// false if s is too long or has a broken escape.
func (n *name) decode(s []byte, form bool) bool {
	for n.set, n.n = true, 0; len(s) > 0; n.n++ {
		c, length := unescape(s, form)
		if length == 0 || n.n == MaxName {
			return false
		}
		n.text[n.n], s = c, s[length:]
	}
	return true
}

// unescape returns the first character of s, which is not empty, and how many
// bytes it takes: 0 if it is a broken escape.
func unescape(s []byte, form bool) (c byte, length int) {
	switch {
	case s[0] == '+' && form:
		return ' ', 1
	case s[0] != '%':
		return s[0], 1
	case len(s) < 3:
		return 0, 0
	}
	var b [1]byte
	if _, err := hex.Decode(b[:], s[1:3]); err != nil {
		return 0, 0
	}
	return b[0], 3
}
