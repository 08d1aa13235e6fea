package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"havn/fault"
)

// decode fills target, a pointer to a section, from a file. Then check says what
// is wrong with the values. The error is [Problems].
func decode(name string, data []byte, target any, check func() fault.List) error {
	if len(data) > MaxBytes {
		return Problems{{File: name, Line: 1, Column: 1,
			Message: fmt.Sprintf("larger than %d bytes: not a configuration", MaxBytes)}}
	}
	src := newSource(name, data)
	root, faults := src.node()
	if root != nil {
		d := decoder{places: map[string]position{}}
		d.value("", root, reflect.ValueOf(target).Elem())
		faults = append(d.mistakes, d.locate(check())...)
	}
	if len(faults) > 0 {
		return src.problems(faults)
	}
	return nil
}

// decoder fills the configuration from a YAML document. It goes on after a
// mistake, so that all mistakes are reported at once. It remembers the place of
// each key, for the faults that are found in the values later.
type decoder struct {
	places   map[string]position // of each value by its path, like coap.listen
	mistakes []mistake
}

func (d *decoder) fail(at position, path, format string, args ...any) {
	d.mistakes = append(d.mistakes, mistake{at, path, fmt.Sprintf(format, args...)})
}

// value reads n into v. What the file leaves out keeps the value it has.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	if d.refused(path, n) {
		return
	}
	switch _, empty := n.(*ast.NullNode); {
	case isValue(v.Type()):
		d.text(path, n, v)
	case empty:
		return
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
	case v.Kind() == reflect.Struct:
		d.section(path, n, v)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v)
	case v.Kind() == reflect.Map:
		d.table(path, n, v)
	}
}

// refused reports parts of YAML with which a key could mean something else than
// the value that stands at it.
func (d *decoder) refused(path string, n ast.Node) bool {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		d.fail(start(n), path, "anchors and aliases are not supported: write the value here")
	case *ast.TagNode:
		d.fail(start(n), path, "tags are not supported: write the value alone")
	default:
		return false
	}
	return true
}

// text reads one value.
func (d *decoder) text(path string, n ast.Node, v reflect.Value) {
	text, ok := scalarText(n)
	if !ok {
		d.fail(start(n), path, "want one value, got %s", describe(n))
		return
	}
	text, err := expand(text)
	if err == nil {
		err = set(v, text)
	}
	if err != nil {
		d.fail(start(n), path, "%v", err)
	}
}

// section reads the keys of a struct.
func (d *decoder) section(path string, n ast.Node, v reflect.Value) {
	known := fields(v.Type())
	for _, e := range d.entries(path, n, keys(v.Type())) {
		i := slices.IndexFunc(known, func(f field) bool { return f.key == e.key })
		if i < 0 {
			d.fail(start(e.node.Key), e.path, "unknown key%s", hint(e.key, keys(v.Type())))
			continue
		}
		d.value(e.path, e.node.Value, v.FieldByIndex(known[i].index))
	}
}

// table reads a map, whose keys are data and not names of ours.
func (d *decoder) table(path string, n ast.Node, v reflect.Value) {
	v.SetZero()
	for _, e := range d.entries(path, n, nil) {
		key := reflect.New(v.Type().Key()).Elem()
		if err := set(key, e.key); err != nil {
			d.fail(start(e.node.Key), e.path, "%v", err)
			continue
		}
		if !v.IsNil() && v.MapIndex(key).IsValid() {
			d.fail(start(e.node.Key), e.path, "duplicate key: it means the same as one before")
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(e.path, e.node.Value, value)
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(key, value)
	}
}

// list reads a slice; an empty list is nil, as the default is.
func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(start(n), path, "want a list, got %s", describe(n))
		return
	}
	v.SetZero()
	for i, item := range sequence.Values {
		itemPath := fault.At(path, i)
		d.places[itemPath] = start(item)
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(itemPath, item, element)
		v.Set(reflect.Append(v, element))
	}
}

// locate gives faults the places of their keys. A key that the file leaves out has
// the place of its section. A fault is dropped if a mistake was reported already
// at its key or beneath it: it only follows from that mistake.
func (d *decoder) locate(faults fault.List) []mistake {
	var located []mistake
	for _, f := range faults {
		follows := slices.ContainsFunc(d.mistakes, func(known mistake) bool {
			return within(known.path, f.Key)
		})
		if !follows {
			located = append(located, mistake{d.place(f.Key), f.Key, f.Message})
		}
	}
	return located
}

// place returns where path is in the file, or else what holds it.
func (d *decoder) place(path string) position {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return position{1, 1}
		}
		path = path[:cut]
	}
}

// entry is one key of a section or table.
type entry struct {
	key, path string
	node      *ast.MappingValueNode
}

// entries returns the keys of n, each once, and notes their places.
func (d *decoder) entries(path string, n ast.Node, known []string) []entry {
	mapping, ok := n.(*ast.MappingNode)
	if !ok {
		d.fail(start(n), path, "want keys and values%s, got %s", parenthesis(known), describe(n))
		return nil
	}
	var all []entry
	seen := map[string]int{}
	for _, pair := range mapping.Values {
		key, ok := scalarText(pair.Key)
		if !ok {
			d.fail(start(pair.Key), path,
				"merge keys and composite keys are not supported: write the keys here")
			continue
		}
		e := entry{key, fault.Join(path, key), pair}
		if line, twice := seen[key]; twice {
			d.fail(start(pair.Key), e.path, "duplicate key: line %d has it already", line)
			continue
		}
		seen[key] = start(pair.Key).line
		d.places[e.path] = place(pair)
		all = append(all, e)
	}
	return all
}

// place is where a problem with a key's value is shown: at the value if it
// begins on the line of the key, else at the key.
func place(pair *ast.MappingValueNode) position {
	key, value := start(pair.Key), start(pair.Value)
	if key.line == value.line {
		return value
	}
	return key
}

// scalarText returns the text of a node that is one value.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode:
		return "keys and values"
	case *ast.NullNode:
		return `nothing: leave the key out for its default, or write ""`
	}
	return "a single value"
}

func parenthesis(known []string) string {
	if len(known) == 0 {
		return ""
	}
	return " (" + strings.Join(known, ", ") + ")"
}
