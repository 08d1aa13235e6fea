package firmware

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable returns a version as people read it: as it is when it is UTF-8
// without control characters, else 0x and hex digits.
func Printable(version string) string {
	control := strings.ContainsFunc(version, func(r rune) bool { return r < ' ' || r == 0x7f })
	if control || !utf8.ValidString(version) {
		return fmt.Sprintf("0x%x", version)
	}
	return version
}
