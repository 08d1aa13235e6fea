package desired

import (
	"path"
	"strings"

	"havn/dfu"
	"havn/firmware"
)

// Rule is the devices it is for, as path.Match patterns, and what they should run.
type Rule struct {
	Application string // empty = any
	Device      string // empty = any

	firmware.Spec
}

// meta are the characters that make a name a pattern.
const meta = `*?[\`

// exact reports whether r is for one device only.
func (r Rule) exact() bool {
	return r.Application != "" && r.Device != "" && !strings.ContainsAny(r.Application+r.Device, meta)
}

// AnyApplication reports whether r names no single application.
func (r Rule) AnyApplication() bool {
	return r.Application == "" || strings.ContainsAny(r.Application, meta)
}

func (r Rule) matches(d dfu.Device) bool {
	return matches(r.Application, d.Application) && matches(r.Device, d.Name)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == "" || (ok && err == nil)
}
