package file

import (
	"fmt"

	"havn/firmware"
)

// Kind is the kind of source that this package is.
var Kind = firmware.NewKind("file", "file:NAME in the firmware directory",
	func(name string) Ref { return Ref{Name: name} })

// Ref is NAME.bin with NAME.json in the firmware directory.
type Ref struct {
	Name string `json:"name" yaml:"name"` // base name without extension
}

// Spec returns r as a spec.
func (r Ref) Spec() firmware.Spec { return firmware.Spec{Kind: Kind.Name, Ref: r} }

// Validate implements firmware.Ref.
func (r Ref) Validate() error {
	if r.Name == "" {
		return fmt.Errorf("%w: file.name is empty", firmware.ErrInvalid)
	}
	return nil
}

// Key implements firmware.Ref.
func (r Ref) Key() string { return Kind.Name + ":" + r.Name }
