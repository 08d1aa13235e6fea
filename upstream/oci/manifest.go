package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

const (
	layerType         = "application/octet-stream"
	versionAnnotation = "org.opencontainers.image.version"
	titleAnnotation   = "org.opencontainers.image.title"
	// attestation marks what BuildKit puts into an index beside an image.
	attestation = "vnd.docker.reference.type"
)

// document is a manifest or an index: whichever list it has says which.
type document struct {
	Manifests   []v1.Descriptor   `json:"manifests"`
	Layers      []v1.Descriptor   `json:"layers"`
	Annotations map[string]string `json:"annotations"`
}

// parseDocument reads a manifest or index. One that could be taken for both is
// refused, as OCI image-spec 1.1 asks.
func parseDocument(b []byte) (document, error) {
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return doc, fmt.Errorf("%w: manifest: %w", firmware.ErrInvalid, err)
	}
	switch {
	case doc.Manifests != nil && doc.Layers != nil:
		return doc, fmt.Errorf("%w: manifest with both manifests and layers", firmware.ErrInvalid)
	case doc.Manifests == nil && len(doc.Layers) == 0:
		return doc, fmt.Errorf("%w: manifest without layers", firmware.ErrInvalid)
	}
	return doc, nil
}

// find reads a manifest, through an index where digest names one, and returns
// the firmware in it.
func (s *Source) find(ctx context.Context, repo name.Repository, digest v1.Hash) (
	firmware.Metadata, error) {
	doc, err := s.document(ctx, repo, digest)
	if err == nil && doc.Manifests != nil {
		if digest, err = only(doc.Manifests); err == nil {
			doc, err = s.document(ctx, repo, digest)
		}
	}
	if err == nil && doc.Manifests != nil {
		err = fmt.Errorf("%w: index %s is inside another index", firmware.ErrInvalid, digest)
	}
	if err != nil {
		return firmware.Metadata{}, err
	}
	return s.firmware(ctx, repo, digest, doc)
}

func (s *Source) document(ctx context.Context, repo name.Repository, digest v1.Hash) (
	document, error) {
	b, err := s.manifestByDigest(ctx, repo, digest)
	if err != nil {
		return document{}, err
	}
	return parseDocument(b)
}

// only returns the one manifest of an index.
func only(manifests []v1.Descriptor) (v1.Hash, error) {
	var found []v1.Descriptor
	for _, d := range manifests {
		if d.Annotations[attestation] == "" {
			found = append(found, d)
		}
	}
	if len(found) == 1 {
		return found[0].Digest, nil
	}
	return v1.Hash{}, fmt.Errorf("%w: an index of %d manifests, name one of them by its digest:%s",
		firmware.ErrInvalid, len(found), list(found))
}

func list(manifests []v1.Descriptor) string {
	const most = 8
	var b strings.Builder
	for i, d := range manifests {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(manifests)-most)
			break
		}
		fmt.Fprintf(&b, " %s", d.Digest)
		if d.Platform != nil {
			fmt.Fprintf(&b, " (%s)", clean(d.Platform.String()))
		}
	}
	return b.String()
}

// firmware returns what a manifest delivers, in one of the three formats.
func (s *Source) firmware(ctx context.Context, repo name.Repository, digest v1.Hash,
	doc document) (firmware.Metadata, error) {
	origin := firmware.Origin{Kind: firmware.KindContainer, Repository: repo.Name(),
		Manifest: digest.String()}
	m, err := firmware.Metadata{}, error(nil)
	if layer, ok := single(doc.Layers); ok {
		m, err = raw(layer)
	} else {
		m, err = s.unpack(ctx, repo, doc.Layers)
	}
	if err != nil {
		return firmware.Metadata{}, err
	}
	origin.Layer, origin.Path = m.Origin.Layer, m.Origin.Path
	m.Origin = origin
	if v := doc.Annotations[versionAnnotation]; v != "" {
		m.Version = v
	}
	return m, checkVersion(m.Version)
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
		err = checkSize(layer.Size)
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

func checkSize(size int64) error {
	switch {
	case size <= 0:
		return fmt.Errorf("%w: the firmware is empty", firmware.ErrInvalid)
	case size > math.MaxUint32:
		return fmt.Errorf("%w: %d bytes, 2^32-1 at most", firmware.ErrTooLarge, size)
	}
	return nil
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
