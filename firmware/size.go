package firmware

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes in configuration and messages: "64", "512KiB",
// "256MiB", "4GiB".
type Size int64

// Binary units.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var sizeUnits = []struct {
	suffix string
	unit   Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}, {"", 1}}

// UnmarshalText reads a whole number with an optional unit.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > int64(1<<62/u.unit) {
			break
		}
		*s = Size(n) * u.unit
		return nil
	}
	return fmt.Errorf("size %q: want a whole number of bytes, KiB, MiB or GiB", text)
}

// String writes s in the largest unit that divides it, as UnmarshalText reads it.
func (s Size) String() string {
	for _, u := range sizeUnits[:3] {
		if s != 0 && s%u.unit == 0 {
			return fmt.Sprintf("%d%s", s/u.unit, u.suffix)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes what String returns.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
