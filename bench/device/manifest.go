package device

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"havn/firmware"
)

// Manifest describes the image a device should run, as the gateway's manifest
// resource does.
type Manifest struct {
	Version string
	Size    uint32
	Digest  firmware.Digest
	Path    string // where the image is, for clients that cannot build the path
}

// wireManifest is the CBOR form. Pointers tell what is missing.
type wireManifest struct {
	Version *cbor.ByteString `cbor:"version"`
	Size    *uint32          `cbor:"size"`
	Digest  *cbor.ByteString `cbor:"digest"`
	Path    *string          `cbor:"path"`
}

// ParseManifest reads a CBOR manifest: all four keys, once each.
func ParseManifest(b []byte) (Manifest, error) {
	mode, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		return Manifest{}, fmt.Errorf("manifest decoder: %w", err)
	}
	var w wireManifest
	if err := mode.Unmarshal(b, &w); err != nil {
		return Manifest{}, Broken(Undecodable, "manifest: %v", err)
	}
	if w.Version == nil || w.Size == nil || w.Digest == nil || w.Path == nil {
		return Manifest{}, Broken(Undecodable, "manifest: want version, size, digest and path")
	}
	m := Manifest{Version: string(*w.Version), Size: *w.Size, Path: *w.Path}
	if copy(m.Digest[:], *w.Digest) != len(m.Digest) || len(*w.Digest) != len(m.Digest) {
		return Manifest{}, Broken(Undecodable, "manifest: digest of %d bytes", len(*w.Digest))
	}
	return m, nil
}
