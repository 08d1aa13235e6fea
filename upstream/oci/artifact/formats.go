package artifact

import (
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

const (
	layerType         = "application/octet-stream"
	versionAnnotation = "org.opencontainers.image.version"
	titleAnnotation   = "org.opencontainers.image.title"

	maxText = 100 // bytes of what a manifest or an archive says, in errors
)

// Opener opens a layer. Its bytes are not verified yet.
type Opener func(layer v1.Hash) (io.ReadCloser, error)

// Firmware returns what a manifest delivers. Of the origin it sets the layer and
// the path in it. The version is empty where nothing in the image names one.
func (d Document) Firmware(open Opener) (m firmware.Metadata, err error) {
	if layer, ok := single(d.Layers); ok {
		m, err = raw(layer)
	} else {
		m, err = unpack(d.Layers, open)
	}
	if err != nil {
		return firmware.Metadata{}, err
	}
	if v := d.Annotations[versionAnnotation]; v != "" {
		m.Version = v
	}
	return m, firmware.CheckVersion(m.Version)
}

// single returns the layer that is the firmware itself, formats (a) and (b).
func single(layers []v1.Descriptor) (v1.Descriptor, bool) {
	for _, layer := range layers {
		if layer.MediaType == layerType {
			return layer, true
		}
	}
	if len(layers) == 1 && !isTar(layers[0].MediaType) {
		return layers[0], true
	}
	return v1.Descriptor{}, false
}

// raw describes a layer that is the firmware.
func raw(layer v1.Descriptor) (firmware.Metadata, error) {
	digest, err := sha256Of(layer)
	if err == nil {
		err = firmware.CheckSize(layer.Size)
	}
	if err == nil && layer.MediaType == types.OCIEmptyJSON {
		err = fmt.Errorf("%w: an artifact without content", firmware.ErrInvalid)
	}
	if err != nil {
		return firmware.Metadata{}, err
	}
	return firmware.Metadata{Digest: digest, Size: uint32(layer.Size),
		Origin: firmware.Origin{Layer: layer.Digest.String()}}, nil
}

func sha256Of(layer v1.Descriptor) (firmware.Digest, error) {
	if layer.Digest.Algorithm != "sha256" {
		return firmware.Digest{}, fmt.Errorf("%w: layer %q: want a sha256 digest",
			firmware.ErrInvalid, layer.Digest)
	}
	return firmware.ParseDigest(layer.Digest.Hex)
}

// isTar reports whether one of the words of a media type is tar or tgz.
func isTar(mediaType types.MediaType) bool {
	words := strings.FieldsFunc(string(mediaType), func(r rune) bool {
		return strings.ContainsRune("/.+-;", r)
	})
	for _, word := range words {
		if word == "tar" || word == "tgz" {
			return true
		}
	}
	return false
}
