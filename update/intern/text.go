package intern

import "unique"

// Text is a string that is in memory once, however many have it. Its zero value is
// the empty one. Texts are equal where their strings are.
type Text struct{ handle unique.Handle[string] }

// Of returns s as a text.
func Of(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{unique.Make(s)}
}

// String returns the string.
func (t Text) String() string {
	if t == (Text{}) {
		return ""
	}
	return t.handle.Value()
}
