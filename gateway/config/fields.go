package config

import (
	"encoding"
	"reflect"
	"strings"
)

// field is one key of a section: where a struct keeps it.
type field struct {
	key   string
	index []int
}

// fields returns the keys of a section in the order of its struct. Inlined
// structs give their keys to the section; fields tagged "-" are no keys.
func fields(section reflect.Type) []field {
	var all []field
	for i := range section.NumField() {
		f := section.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case key == "-" || !f.IsExported():
		case options == "inline" || f.Anonymous && key == "":
			for _, inner := range fields(f.Type) {
				all = append(all, field{inner.key, append([]int{i}, inner.index...)})
			}
		case key != "":
			all = append(all, field{key, []int{i}})
		}
	}
	return all
}

// keys returns the names of all keys of a section.
func keys(section reflect.Type) []string {
	var names []string
	for _, f := range fields(section) {
		names = append(names, f.key)
	}
	return names
}

// isValue reports whether a type is written as one text, not as a section,
// list or map.
func isValue(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer:
		return false
	}
	return true
}
