package firmware

import (
	"encoding/json"
	"fmt"

	"havn/dfu"
)

// Spec names the firmware a device should run: by the kind of its source, and by
// what that source needs to find it. Specs are compared with ==. Their JSON is
// that of the API and of spec.firmware in Drogue Cloud: {"KIND": section}.
type Spec struct {
	Kind string
	Ref  Ref // nil only in the zero Spec
}

// Ref is the section of a Spec, which its source owns: a small struct whose JSON
// is the section. It is an immutable value that can be compared.
//
// A Ref may also have the methods Always, Revocable, PerDevice and For. Without
// them it is none of that: see the methods of Spec of these names.
type Ref interface {
	// Validate reports why nothing can be found by it. The error wraps ErrInvalid.
	Validate() error
	// Key is that of Spec.Key. It begins with the kind and a colon, but for images
	// of registries.
	Key() string
}

// DeviceName is what stands for the name of a device in a Ref that is another
// one for each device.
const DeviceName = "{device}"

// perDevice is a Ref that may be another one for each device.
type perDevice interface {
	PerDevice() bool
	For(dev dfu.Device) Ref
}

// Validate reports why s cannot be resolved, nil if it can be tried.
func (s Spec) Validate() error {
	if s.Ref == nil {
		return fmt.Errorf("%w: no source is named", ErrInvalid)
	}
	return s.Ref.Validate()
}

// Key identifies what s resolves to: two specs with one key share their
// resolution. It reads well in logs. It is durable.
func (s Spec) Key() string {
	if s.Ref == nil {
		return ""
	}
	return s.Ref.Key()
}

// Always reports whether an update must not start on a resolution that is
// older than the request.
func (s Spec) Always() bool {
	r, ok := s.Ref.(interface{ Always() bool })
	return ok && r.Always()
}

// Revocable reports whether the source itself says what the device should run,
// nothing included: then ErrNotFound takes back what was offered. What a registry
// or a directory has lost stays served.
func (s Spec) Revocable() bool {
	r, ok := s.Ref.(interface{ Revocable() bool })
	return ok && r.Revocable()
}

// PerDevice reports whether s is another spec for each device.
func (s Spec) PerDevice() bool {
	r, ok := s.Ref.(perDevice)
	return ok && r.PerDevice()
}

// For returns s as it is for dev.
func (s Spec) For(dev dfu.Device) Spec {
	if r, ok := s.Ref.(perDevice); ok && r.PerDevice() {
		s.Ref = r.For(dev)
	}
	return s
}

// MarshalJSON writes what [Kinds.Parse] reads.
func (s Spec) MarshalJSON() ([]byte, error) {
	if s.Ref == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]Ref{s.Kind: s.Ref})
}
