package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

// Type is the type of the artifacts that Pack makes.
const Type = "application/vnd.havn.firmware.v1"

// emptyConfig is the config of an artifact that needs none (OCI image-spec
// 1.1, "Guidance for an Empty Descriptor").
const emptyConfig = "{}"

// Packed is a firmware file as an OCI image, format (a). It implements
// partial.CompressedImageCore; its layer stays on disk.
type Packed struct {
	Digest firmware.Digest // of the firmware
	Size   int64           // bytes of the firmware

	file, version string
	progress      func(done, total int64)
}

// Pack reads a firmware binary. progress, if set, is told the bytes of each
// reading for an upload. It may be called from another goroutine.
func Pack(file, version string, progress func(done, total int64)) (*Packed, error) {
	if version == "" {
		return nil, fmt.Errorf("%w: no version", firmware.ErrInvalid)
	}
	if err := firmware.CheckVersion(version); err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, size, err := v1.SHA256(f)
	if err == nil {
		err = firmware.CheckSize(size)
	}
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	digest, err := firmware.ParseDigest(h.Hex)
	return &Packed{Digest: digest, Size: size, file: file, version: version, progress: progress}, err
}

func (p *Packed) hash() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: p.Digest.Hex()} }

// RawConfigFile returns the empty config.
func (p *Packed) RawConfigFile() ([]byte, error) { return []byte(emptyConfig), nil }

// MediaType returns that of an OCI manifest.
func (p *Packed) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest returns the manifest. It depends on the firmware, its base name
// and version alone: there is no time of creation in it.
func (p *Packed) RawManifest() ([]byte, error) {
	config, size, err := v1.SHA256(strings.NewReader(emptyConfig))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  Type,
		Config:        v1.Descriptor{MediaType: types.OCIEmptyJSON, Size: size, Digest: config},
		Layers: []v1.Descriptor{{
			MediaType: layerType, Size: p.Size, Digest: p.hash(),
			Annotations: map[string]string{titleAnnotation: filepath.Base(p.file)},
		}},
		Annotations: map[string]string{versionAnnotation: p.version},
	})
}

// LayerByDigest returns the firmware.
func (p *Packed) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h != p.hash() {
		return nil, errors.New("no layer " + h.String())
	}
	return packedLayer{p}, nil
}

// packedLayer is the file as a layer.
type packedLayer struct{ *Packed }

// Digest returns the digest of the firmware.
func (l packedLayer) Digest() (v1.Hash, error) { return l.hash(), nil }

// Size returns the bytes of the firmware.
func (l packedLayer) Size() (int64, error) { return l.Packed.Size, nil }

// MediaType returns the type of format (a).
func (l packedLayer) MediaType() (types.MediaType, error) { return layerType, nil }

// Compressed opens the file for an upload.
func (l packedLayer) Compressed() (io.ReadCloser, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	return &counted{File: f, of: l.Packed}, nil
}

// counted reports what is read of a file.
type counted struct {
	*os.File
	of   *Packed
	done int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	c.done += int64(n)
	c.of.progress(c.done, c.of.Size)
	return n, err
}
