package fault

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// OneOf writes a choice as in a sentence: a, b or c.
func OneOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// DurationText writes d as in a configuration file: in Go's notation with d for days, in
// the shortest form.
func DurationText(d time.Duration) string {
	if d <= 0 {
		return d.String()
	}
	text := ""
	if d >= day {
		text = fmt.Sprintf("%dd", d/day)
	}
	if d%day == 0 {
		return text
	}
	rest := (d % day).String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return text + rest
}
