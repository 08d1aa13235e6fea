package region

import (
	"slices"
	"strings"
)

var names = []string{
	"EU868", "US915", "AS923", "AS923-2", "AS923-3", "AS923-4", "AU915", "IN865",
	"CN470", "KR920", "RU864", "EU433", "CN779", "ISM2400",
}

// Names returns the names of all regions.
func Names() []string { return slices.Clone(names) }

// ByConfigID returns the region that the identifier of a region configuration of
// ChirpStack v4 stands for. ChirpStack is shipped with identifiers like "eu868",
// "us915_1" (a sub-band) and "as923_2" (a group). Operators may choose others: for these,
// ByConfigID returns false.
func ByConfigID(id string) (name string, ok bool) {
	name = strings.ReplaceAll(strings.ToUpper(id), "_", "-")
	if slices.Contains(names, name) {
		return name, true
	}
	name, _, _ = strings.Cut(name, "-")
	return name, slices.Contains(names, name)
}
