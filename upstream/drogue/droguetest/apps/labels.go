package apps

import (
	"regexp"
	"slices"
	"strings"
)

// labelSet matches KEY in (A, B) and KEY notin (A, B).
var labelSet = regexp.MustCompile(`^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$`)

// matches reports whether labels satisfy a selector: all of its parts, which
// commas outside of parentheses separate.
func matches(selector string, labels map[string]string) bool {
	for _, part := range parts(selector) {
		if !matchesPart(strings.TrimSpace(part), labels) {
			return false
		}
	}
	return true
}

func parts(selector string) (all []string) {
	depth, start := 0, 0
	for i, r := range selector + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			all = append(all, selector[start:i])
			start = i + 1
		}
	}
	return all
}

func matchesPart(part string, labels map[string]string) bool {
	if part == "" {
		return true
	}
	if m := labelSet.FindStringSubmatch(part); m != nil {
		values := strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })
		value, ok := labels[m[1]]
		return (ok && slices.Contains(values, value)) == (m[2] == "in")
	}
	if key, value, ok := strings.Cut(part, "!="); ok {
		return labels[strings.TrimSpace(key)] != strings.TrimSpace(value)
	}
	if key, value, ok := strings.Cut(part, "="); ok {
		got, has := labels[strings.TrimSpace(key)]
		return has && got == strings.TrimSpace(value)
	}
	if key, ok := strings.CutPrefix(part, "!"); ok {
		_, has := labels[key]
		return !has
	}
	_, has := labels[part]
	return has
}
