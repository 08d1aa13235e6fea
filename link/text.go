package link

import "strings"

// Clip returns what may be shown and sent on of a text that came from outside:
// at most n bytes, valid UTF-8, without control characters.
func Clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
