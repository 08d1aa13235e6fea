package row

import (
	"unique"

	"havn/firmware"
)

// text is a string that all rows share which have it.
type text struct{ handle unique.Handle[string] }

// intern returns s as a text.
func intern(s string) text {
	if s == "" {
		return text{}
	}
	return text{unique.Make(s)}
}

func (t text) String() string {
	if t == (text{}) {
		return ""
	}
	return t.handle.Value()
}

// keep returns what is kept of a version that a device reports, as far as a
// version of an image can go: was where that is the same. It allocates only when
// it is another one.
func keep(was text, reported []byte) text {
	reported = reported[:min(len(reported), firmware.MaxVersion)]
	if was.String() == string(reported) {
		return was
	}
	return intern(string(reported))
}
