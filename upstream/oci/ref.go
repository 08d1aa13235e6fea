package oci

import (
	"fmt"

	"havn/firmware"
)

// Kind is the kind of source that this package is.
var Kind = firmware.NewKind("container", "HOST/NAME:TAG in a registry",
	func(image string) Ref { return Ref{Image: image} })

// Pull policies of an image.
const (
	PullIfNotPresent = "IfNotPresent" // re-resolve the tag on refresh, download only unknown digests
	PullAlways       = "Always"       // also resolve when an update starts
)

// Ref is an image in an OCI registry.
type Ref struct {
	Image           string `json:"image" yaml:"image"`                               // HOST/NAME:TAG or HOST/NAME@sha256:...
	ImagePullPolicy string `json:"imagePullPolicy,omitempty" yaml:"imagePullPolicy"` // PullIfNotPresent when empty
}

// Spec returns r as a spec.
func (r Ref) Spec() firmware.Spec { return firmware.Spec{Kind: Kind.Name, Ref: r} }

// Validate implements firmware.Ref.
func (r Ref) Validate() error {
	switch {
	case r.Image == "":
		return fmt.Errorf("%w: container.image is empty", firmware.ErrInvalid)
	case r.ImagePullPolicy != "" && r.ImagePullPolicy != PullIfNotPresent && r.ImagePullPolicy != PullAlways:
		return fmt.Errorf("%w: imagePullPolicy %q: want %s or %s",
			firmware.ErrInvalid, r.ImagePullPolicy, PullIfNotPresent, PullAlways)
	}
	return nil
}

// Key implements firmware.Ref: the name of the image.
func (r Ref) Key() string { return r.Image }

// Always reports whether the tag is looked up when an update starts.
func (r Ref) Always() bool { return r.ImagePullPolicy == PullAlways }
