package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one mistake in a section of the configuration.
type Fault struct {
	Key     string // relative to the section, like endpoints[1].url; empty = the section itself
	Message string // what was found and what is wanted
}

// String returns the key and the message.
func (f Fault) String() string {
	if f.Key == "" {
		return f.Message
	}
	return f.Key + ": " + f.Message
}

// List is all faults of a section. Its zero value is an empty list.
type List []Fault

// Add adds a fault. The message is made as by [fmt.Sprintf].
func (l *List) Add(key, format string, args ...any) {
	*l = append(*l, Fault{key, fmt.Sprintf(format, args...)})
}

// Below adds the faults of the section that stands at key.
func (l *List) Below(key string, section List) {
	for _, f := range section {
		*l = append(*l, Fault{Join(key, f.Key), f.Message})
	}
}

// Err returns the faults as one error, and nil if there are none. It is for constructors
// that are given the section.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	texts := make([]string, len(l))
	for i, f := range l {
		texts[i] = f.String()
	}
	return errors.New(strings.Join(texts, "; "))
}

// Join returns the path of a key in the section at a path.
func Join(path, key string) string {
	switch {
	case path == "" || key == "":
		return path + key
	case key[0] == '[':
		return path + key
	}
	return path + "." + key
}

// At returns the path of an element of the list at a path.
func At(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }
