package hawkbit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"havn/dfu"
	"havn/firmware"
)

// Kind is the kind of source that this package is.
var Kind = firmware.NewKind("hawkbit", "hawkbit:CONTROLLER for whatever hawkBit assigns to that controller",
	func(controller string) Ref { return Ref{Controller: controller} })

// MaxController is the longest controller ID of hawkBit, in bytes.
const MaxController = 256

// Ref is whatever hawkBit assigns to one of its targets.
type Ref struct {
	// Controller is the ID of the target, 1..MaxController bytes.
	// firmware.DeviceName in it stands for the name of each device.
	Controller string `json:"controller" yaml:"controller"`
}

// Spec returns r as a spec.
func (r Ref) Spec() firmware.Spec { return firmware.Spec{Kind: Kind.Name, Ref: r} }

// Validate implements firmware.Ref. It also refuses the IDs that would be steps
// in the path of a URL.
func (r Ref) Validate() error {
	switch id := r.Controller; {
	case id == "":
		return fmt.Errorf("%w: hawkbit.controller is empty", firmware.ErrInvalid)
	case id == "." || id == ".." || len(id) > MaxController || !utf8.ValidString(id):
		return fmt.Errorf("%w: hawkbit.controller %.16q: no controller has this ID", firmware.ErrInvalid, id)
	}
	return nil
}

// Key implements firmware.Ref.
func (r Ref) Key() string { return Kind.Name + ":" + r.Controller }

// Revocable reports that hawkBit itself says what the device should run.
func (r Ref) Revocable() bool { return true }

// PerDevice reports whether each device is a target of its own.
func (r Ref) PerDevice() bool { return strings.Contains(r.Controller, firmware.DeviceName) }

// For returns the target that dev is.
func (r Ref) For(dev dfu.Device) firmware.Ref {
	r.Controller = strings.ReplaceAll(r.Controller, firmware.DeviceName, dev.Name)
	return r
}
