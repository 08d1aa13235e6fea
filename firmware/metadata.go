package firmware

// Metadata is what a Spec resolves to: one image, not yet its bytes. It is
// durable: its keys in CBOR and JSON are never given another meaning.
type Metadata struct {
	// Version is what devices report once they run the image: any bytes, up to
	// MaxVersion of them.
	Version string `cbor:"1,keyasint" json:"version"`
	Digest  Digest `cbor:"2,keyasint" json:"digest"`
	Size    uint32 `cbor:"3,keyasint" json:"size"` // bytes
	Origin  Origin `cbor:"4,keyasint,omitzero" json:"origin,omitzero"`
	// Order is the source's own name of the assignment, such as hawkBit's action.
	// It is empty unless the source may assign one image several times and wants
	// to hear how each of them ended.
	Order string `cbor:"5,keyasint,omitempty" json:"order,omitempty"`
	// Tagged says that Version is only the tag of the reference. A tag may move: if
	// its name is taken by another digest, the short digest becomes the version.
	Tagged bool `cbor:"6,keyasint,omitempty" json:"tagged,omitempty"`
	// Names are other versions that devices report when they run this image: it was
	// built with another version string than it is published under.
	Names []string `cbor:"7,keyasint,omitempty" json:"names,omitempty"`
}

// Origin is what a Source needs to fetch the bytes again, days later and
// without resolving anything. It is durable as Metadata is.
type Origin struct {
	// Kind is that of the Spec.
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
