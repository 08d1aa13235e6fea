package firmware

import (
	"context"
	"fmt"
	"io"
	"strings"

	"havn/dfu"
)

// Kinds of sources, as the keys of a Spec and in Origin.Kind.
const (
	KindContainer = "container"
	KindFile      = "file"
	KindHawkbit   = "hawkbit"
)

// Pull policies of a container image.
const (
	PullIfNotPresent = "IfNotPresent" // re-resolve the tag on refresh, download only unknown digests
	PullAlways       = "Always"       // also resolve when an update starts
)

// Spec names the firmware a device should run. Exactly one field is set.
// It is comparable through Key.
type Spec struct {
	Container *ContainerSpec `json:"container,omitempty" yaml:"container"`
	File      *FileSpec      `json:"file,omitempty" yaml:"file"`
	Hawkbit   *HawkbitSpec   `json:"hawkbit,omitempty" yaml:"hawkbit"`
}

// ContainerSpec is an image in an OCI registry.
type ContainerSpec struct {
	Image           string `json:"image" yaml:"image"`                               // HOST/NAME:TAG or HOST/NAME@sha256:...
	ImagePullPolicy string `json:"imagePullPolicy,omitempty" yaml:"imagePullPolicy"` // PullIfNotPresent when empty
}

// FileSpec is NAME.bin with NAME.json in the firmware directory.
type FileSpec struct {
	Name string `json:"name" yaml:"name"` // base name without extension
}

// MaxController is the longest controller ID of hawkBit, in bytes.
const MaxController = 256

// HawkbitSpec is whatever hawkBit assigns to one of its targets.
type HawkbitSpec struct {
	// Controller is the ID of the target, 1..MaxController bytes. DeviceName in it
	// stands for the name of each device: see Spec.For.
	Controller string `json:"controller" yaml:"controller"`
}

// DeviceName is what stands for the name of a device.
const DeviceName = "{device}"

// PerDevice reports whether s is another spec for each device.
func (s Spec) PerDevice() bool {
	return s.Hawkbit != nil && strings.Contains(s.Hawkbit.Controller, DeviceName)
}

// For returns s as it is for dev.
func (s Spec) For(dev dfu.Device) Spec {
	if s.PerDevice() {
		id := strings.ReplaceAll(s.Hawkbit.Controller, DeviceName, dev.Name)
		s.Hawkbit = &HawkbitSpec{Controller: id}
	}
	return s
}

// Validate reports why s cannot be resolved, nil if it can be tried.
func (s Spec) Validate() error {
	switch {
	case s.fields() != 1:
		return fmt.Errorf("%w: name exactly one of container, file and hawkbit", ErrInvalid)
	case s.Container != nil:
		return s.Container.validate()
	case s.Hawkbit != nil:
		return s.Hawkbit.validate()
	case s.File.Name == "":
		return fmt.Errorf("%w: file.name is empty", ErrInvalid)
	}
	return nil
}

func (s Spec) fields() (n int) {
	for _, set := range []bool{s.Container != nil, s.File != nil, s.Hawkbit != nil} {
		if set {
			n++
		}
	}
	return n
}

// validate also refuses the IDs that would be steps in the path of a URL.
func (h HawkbitSpec) validate() error {
	switch id := h.Controller; {
	case id == "":
		return fmt.Errorf("%w: hawkbit.controller is empty", ErrInvalid)
	case id == "." || id == ".." || len(id) > MaxController:
		return fmt.Errorf("%w: hawkbit.controller %.16q: no controller has this ID", ErrInvalid, id)
	}
	return nil
}

func (c ContainerSpec) validate() error {
	switch {
	case c.Image == "":
		return fmt.Errorf("%w: container.image is empty", ErrInvalid)
	case c.ImagePullPolicy != "" && c.ImagePullPolicy != PullIfNotPresent && c.ImagePullPolicy != PullAlways:
		return fmt.Errorf("%w: imagePullPolicy %q: want %s or %s",
			ErrInvalid, c.ImagePullPolicy, PullIfNotPresent, PullAlways)
	}
	return nil
}

// Key identifies what s resolves to: two specs with one key share their
// resolution. It reads well in logs.
func (s Spec) Key() string {
	switch {
	case s.Container != nil:
		return s.Container.Image
	case s.File != nil:
		return "file:" + s.File.Name
	case s.Hawkbit != nil:
		return "hawkbit:" + s.Hawkbit.Controller
	}
	return ""
}

func (s Spec) kind() string {
	switch {
	case s.File != nil:
		return KindFile
	case s.Hawkbit != nil:
		return KindHawkbit
	}
	return KindContainer
}

// Always reports whether an update must not start on a resolution that is
// older than the request.
func (s Spec) Always() bool {
	return s.Container != nil && s.Container.ImagePullPolicy == PullAlways
}

// Revocable reports whether the source itself says what the device should run,
// nothing included: then ErrNotFound takes back what was offered. What a registry
// or a directory has lost stays served.
func (s Spec) Revocable() bool { return s.Hawkbit != nil }

// Metadata is what a Spec resolves to: one image, not yet its bytes. It is
// durable: its keys in CBOR and JSON are never given another meaning.
type Metadata struct {
	// Version is what devices report once they run the image: any bytes, up to
	// MaxVersion of them.
	Version string `cbor:"1,keyasint" json:"version"`
	Digest  Digest `cbor:"2,keyasint" json:"digest"`
	Size    uint32 `cbor:"3,keyasint" json:"size"` // bytes
	Origin  Origin `cbor:"4,keyasint,omitzero" json:"origin,omitzero"`
	// Order is what the source assigned the image by, where it may assign the
	// same one again and wants to hear what became of it each time: the action of
	// hawkBit; empty elsewhere.
	Order string `cbor:"5,keyasint,omitempty" json:"order,omitempty"`
	// Tagged says that Version is only the tag of the reference. A tag may
	// move, so where it is taken by another digest the short digest is used.
	Tagged bool `cbor:"6,keyasint,omitempty" json:"tagged,omitempty"`
	// Names are other versions under which devices were seen to report this
	// image: it was built with another version string than it is published under.
	Names []string `cbor:"7,keyasint,omitempty" json:"names,omitempty"`
}

// Origin is what a Source needs to fetch the bytes again, days later and
// without resolving anything. It is durable as Metadata is.
type Origin struct {
	// Kind is KindContainer, KindFile or KindHawkbit.
	Kind string `cbor:"1,keyasint,omitempty" json:"kind,omitempty"`
	// Repository is HOST/NAME in a registry, the base name of a file, or the
	// controller of hawkBit.
	Repository string `cbor:"2,keyasint,omitempty" json:"repository,omitempty"`
	// Manifest is the digest of the manifest the image was found in, or the ID of
	// hawkBit's action.
	Manifest string `cbor:"3,keyasint,omitempty" json:"manifest,omitempty"`
	Layer    string `cbor:"4,keyasint,omitempty" json:"layer,omitempty"` // digest of the layer
	// Path is the file inside the layer's tar, empty for the layer itself, or the
	// URL of hawkBit's artifact.
	Path string `cbor:"5,keyasint,omitempty" json:"path,omitempty"`
}

// Is reports whether a device that runs version v runs this image.
func (m *Metadata) Is(v []byte) bool {
	if m.Version == string(v) {
		return true
	}
	for _, name := range m.Names {
		if name == string(v) {
			return true
		}
	}
	return false
}

// Source finds and fetches firmware.
//
// Both calls may take as long as ctx allows and may be called concurrently.
// Errors wrap the sentinels of this package; any other error means that the
// source is away and the call worth repeating.
type Source interface {
	// Resolve finds what s names now. It downloads no firmware.
	Resolve(ctx context.Context, dev dfu.Device, s Spec) (Metadata, error)
	// Fetch opens the bytes of an image resolved before. Readers verify them.
	Fetch(ctx context.Context, m Metadata) (io.ReadCloser, error)
}

// Gate is what a Source may also be: it then has a say in when a device swaps.
type Gate interface {
	// MaySwap returns nil where the device of s may be told to swap to d, else why
	// not, for people. It is on the device path: memory only, no waiting, no
	// allocation. It is asked when the answer is about to be given: nil counts as
	// if the device swapped.
	MaySwap(s Spec, d Digest) error
}

// Directory tells which firmware a device should run.
type Directory interface {
	// Desired answers from memory: no network, no disk, no waiting. It returns
	// ErrNotFound where nothing is desired, ErrPending while it is being
	// asked for, and ErrInvalid, wrapped with the reason, for a broken entry.
	Desired(dev dfu.Device) (Spec, error)
}

// Sources is a Source that hands each call to the source of its kind.
type Sources map[string]Source

// Resolve implements Source.
func (m Sources) Resolve(ctx context.Context, dev dfu.Device, s Spec) (Metadata, error) {
	kind := s.kind()
	if src := m[kind]; src != nil {
		return src.Resolve(ctx, dev, s)
	}
	return Metadata{}, fmt.Errorf("%w: no %s source is configured for %s: set firmware.%s",
		ErrDenied, kind, s.Key(), kind)
}

// Fetch implements Source.
func (m Sources) Fetch(ctx context.Context, md Metadata) (io.ReadCloser, error) {
	if src := m[md.Origin.Kind]; src != nil {
		return src.Fetch(ctx, md)
	}
	return nil, fmt.Errorf("%w: no %s source is configured for %s", ErrDenied, md.Origin.Kind, md.Digest)
}

// MaySwap implements Gate: sources without an opinion let every device swap.
func (m Sources) MaySwap(s Spec, d Digest) error {
	if gate, ok := m[s.kind()].(Gate); ok {
		return gate.MaySwap(s, d)
	}
	return nil
}
