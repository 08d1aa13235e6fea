// Package firmwaretest is a kind of source for tests of those who handle specs and
// leave their sections to the sources.
package firmwaretest

import (
	"fmt"
	"strings"

	"havn/dfu"
	"havn/firmware"
)

// Kind is the kind of Ref.
var Kind = firmware.NewKind("test", "NAME of the tests", func(name string) Ref { return Ref{Name: name} })

// Ref is a section that can be all that a section can be.
type Ref struct {
	Name       string `json:"name"`                 // the key; firmware.DeviceName in it stands for the device
	EachTime   bool   `json:"eachTime,omitempty"`   // Spec.Always
	TakenAway  bool   `json:"takenAway,omitempty"`  // Spec.Revocable
	Unresolved bool   `json:"unresolved,omitempty"` // Spec.Validate fails
}

// Spec returns the spec of a name.
func Spec(name string) firmware.Spec { return Ref{Name: name}.Spec() }

// Spec returns r as a spec.
func (r Ref) Spec() firmware.Spec { return firmware.Spec{Kind: Kind.Name, Ref: r} }

// Validate implements firmware.Ref.
func (r Ref) Validate() error {
	if r.Name == "" || r.Unresolved {
		return fmt.Errorf("%w: test.name is %q", firmware.ErrInvalid, r.Name)
	}
	return nil
}

// Key implements firmware.Ref: the name alone, to be short in tables.
func (r Ref) Key() string { return r.Name }

// Always implements a trait of firmware.Ref.
func (r Ref) Always() bool { return r.EachTime }

// Revocable implements a trait of firmware.Ref.
func (r Ref) Revocable() bool { return r.TakenAway }

// PerDevice implements a trait of firmware.Ref.
func (r Ref) PerDevice() bool { return strings.Contains(r.Name, firmware.DeviceName) }

// For implements a trait of firmware.Ref.
func (r Ref) For(dev dfu.Device) firmware.Ref {
	r.Name = strings.ReplaceAll(r.Name, firmware.DeviceName, dev.Name)
	return r
}
