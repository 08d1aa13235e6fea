package artifact

import (
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
	"havn/link"
)

// maxUnpacked bounds the layers of a format (c) image together, and each layer
// once decompressed, in bytes.
const maxUnpacked = 1 << 30

// pairs are the files of format (c), a firmware and its JSON, by precedence.
var pairs = [...]struct{ binary, sidecar string }{
	{"firmware.bin", "firmware.json"},
	{"firmware", "metadata.json"},
}

// entry is one file found at the root of an image.
type entry struct {
	layer  v1.Hash
	digest firmware.Digest // of a binary
	size   int64           // of a binary, bytes
	json   []byte          // of a sidecar
	hidden bool            // not a regular file, or removed: layers below do not count
}

// unpack finds the firmware of a format (c) image. Layers are read from the top
// until one pair is complete: an upper layer hides the files of a lower one.
func unpack(layers []v1.Descriptor, open Opener) (firmware.Metadata, error) {
	if err := checkLayers(layers); err != nil {
		return firmware.Metadata{}, err
	}
	files := map[string]entry{}
	for i := len(layers) - 1; i >= 0; i-- {
		lower, err := download(layers[i], open)
		if err != nil {
			return firmware.Metadata{}, err
		}
		merge(files, lower)
		if m, ok, err := pair(files); ok {
			return m, err
		}
	}
	return firmware.Metadata{}, fmt.Errorf("%w: neither a layer of type %s, nor firmware.bin with "+
		"firmware.json or firmware with metadata.json at the root of its layers",
		firmware.ErrInvalid, layerType)
}

func checkLayers(layers []v1.Descriptor) error {
	total := int64(0)
	for _, layer := range layers {
		if !isTar(layer.MediaType) {
			return fmt.Errorf("%w: %d layers and none of type %s; %q is no tar",
				firmware.ErrInvalid, len(layers), layerType, link.Clip(string(layer.MediaType), maxText))
		}
		if _, err := sha256Of(layer); err != nil {
			return err
		}
		if layer.Size < 0 || layer.Size > maxUnpacked-total {
			return fmt.Errorf("%w: layers of more than %d bytes: push the firmware as an artifact",
				firmware.ErrTooLarge, maxUnpacked)
		}
		total += layer.Size
	}
	return nil
}

// download reads one layer.
func download(layer v1.Descriptor, open Opener) (map[string]entry, error) {
	rc, err := open(layer.Digest)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	files, err := readLayer(rc, layer)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", layer.Digest, err)
	}
	return files, nil
}

// readLayer verifies a layer and returns the files of pairs in it.
func readLayer(rc io.ReadCloser, layer v1.Descriptor) (map[string]entry, error) {
	digest, err := sha256Of(layer)
	if err != nil {
		return nil, err
	}
	body := verify(rc, digest, layer.Size)
	files, err := scan(body, layer.Digest)
	if _, failed := io.Copy(io.Discard, body); failed != nil {
		return nil, failed // a bad download says nothing about the archive
	}
	return files, err
}

// merge adds the files of a lower layer to those of the layers above it.
func merge(files, lower map[string]entry) {
	for file, e := range lower {
		if _, decided := files[file]; !decided {
			files[file] = e
		}
	}
}

// pair returns the firmware of the first complete pair in files.
func pair(files map[string]entry) (firmware.Metadata, bool, error) {
	for _, p := range pairs {
		binary, ok := files[p.binary]
		sidecar, described := files[p.sidecar]
		if !ok || !described || binary.hidden || sidecar.hidden {
			continue
		}
		m, err := describe(p.binary, binary, sidecar.json)
		if err != nil {
			err = fmt.Errorf("%s: %w", p.sidecar, err)
		}
		return m, true, err
	}
	return firmware.Metadata{}, false, nil
}

// describe checks a binary against its sidecar.
func describe(file string, binary entry, sidecar []byte) (firmware.Metadata, error) {
	s, err := firmware.ParseSidecar(sidecar)
	if err != nil {
		return firmware.Metadata{}, err
	}
	if s.Checksum != binary.digest || s.Size != uint64(binary.size) {
		return firmware.Metadata{}, fmt.Errorf("%w: the JSON promises %d bytes of %s, %s has %d of %s",
			firmware.ErrInvalid, s.Size, s.Checksum, file, binary.size, binary.digest)
	}
	return firmware.Metadata{Version: s.Version, Digest: binary.digest, Size: uint32(binary.size),
		Origin: firmware.Origin{Layer: binary.layer.String(), Path: file}}, nil
}
