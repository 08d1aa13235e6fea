package firmware

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"havn/fault"
)

// Kind is a kind of source, and how its sections of a Spec are read.
type Kind struct {
	Name  string
	Usage string // a key and what it names, for operators: "file:NAME in the firmware directory"
	read  func(decode func(section any) error) (Ref, error)
	named func(key string) Ref
}

// NewKind returns the kind of that name, whose sections are of type R. The function
// named makes a section of a key, from which the name of the kind and the colon are
// removed.
func NewKind[R Ref](name, usage string, named func(key string) R) Kind {
	read := func(decode func(section any) error) (Ref, error) {
		var ref R
		err := decode(&ref)
		return ref, err
	}
	return Kind{name, usage, read, func(key string) Ref { return named(key) }}
}

// Kinds are the kinds of source that a gateway has, whether they are configured
// or not. The keys of the first kind do not begin with the name of the kind.
type Kinds []Kind

// Names lists the kinds for people: a, b or c.
func (k Kinds) Names() string { return k.list(func(kind Kind) string { return kind.Name }) }

// Usage lists for people what ParseKey reads.
func (k Kinds) Usage() string { return k.list(func(kind Kind) string { return kind.Usage }) }

func (k Kinds) list(text func(Kind) string) string {
	texts := make([]string, len(k))
	for i, kind := range k {
		texts[i] = text(kind)
	}
	return fault.OneOf(texts)
}

// ParseKey reads what Spec.Key writes, as far as a key says everything. A key that
// begins with no kind is one of the first kind.
func (k Kinds) ParseKey(key string) Spec {
	for _, kind := range k[1:] {
		if rest, ok := strings.CutPrefix(key, kind.Name+":"); ok {
			return Spec{kind.Name, kind.named(rest)}
		}
	}
	return Spec{k[0].Name, k[0].named(key)}
}

// Parse reads a Spec from JSON: an object with one key, the kind. Other keys of
// the section are ignored. A section that cannot be read, of a kind that this
// gateway does not have for one, is kept as it came: the Spec is written again as
// it was, and Spec.Validate says what is wrong. Parse fails with ErrInvalid where
// no kind, or more than one, is named.
func (k Kinds) Parse(text []byte) (Spec, error) {
	kind, section, err := k.split(text)
	if err != nil {
		return Spec{}, err
	}
	ref, err := k.section(kind, section, json.Unmarshal)
	if err != nil {
		ref, err = newUnread(kind, section, err)
	}
	return Spec{kind, ref}, err
}

// ParseExactly is Parse for what a person writes here and now: it fails with
// ErrInvalid for a section that cannot be read, or that has other keys.
func (k Kinds) ParseExactly(text []byte) (Spec, error) {
	kind, section, err := k.split(text)
	if err != nil {
		return Spec{}, err
	}
	ref, err := k.section(kind, section, unmarshalExactly)
	if err != nil {
		return Spec{}, err
	}
	return Spec{kind, ref}, nil
}

// split returns the one kind that a document names, and its section.
func (k Kinds) split(text []byte) (kind string, section []byte, err error) {
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(text, &sections); err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(sections) != 1 {
		return "", nil, fmt.Errorf("%w: %d sources: name exactly one of %s", ErrInvalid, len(sections), k.Names())
	}
	for name, value := range sections {
		kind, section = name, value
	}
	return kind, section, nil
}

// section reads the section of a kind.
func (k Kinds) section(kind string, text []byte, unmarshal func([]byte, any) error) (Ref, error) {
	for _, known := range k {
		if known.Name != kind {
			continue
		}
		ref, err := known.read(func(section any) error { return unmarshal(text, section) })
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, kind, err)
		}
		return ref, nil
	}
	return nil, fmt.Errorf("%w: this gateway has no source of kind %q: name %s, or use a gateway that has this kind",
		ErrInvalid, kind, k.Names())
}

func unmarshalExactly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// unread is a section that this gateway cannot read, as it came.
type unread struct {
	kind, section string
	why           string // without the text of ErrInvalid
}

func newUnread(kind string, section []byte, why error) (Ref, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, section); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, kind, err)
	}
	return unread{kind, compact.String(), strings.TrimPrefix(why.Error(), ErrInvalid.Error()+": ")}, nil
}

// Validate implements Ref.
func (u unread) Validate() error { return fmt.Errorf("%w: %s", ErrInvalid, u.why) }

// Key implements Ref.
func (u unread) Key() string { return u.kind + ":" + u.section }

// MarshalJSON writes the section as it came.
func (u unread) MarshalJSON() ([]byte, error) { return []byte(u.section), nil }
