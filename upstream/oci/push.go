package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

// ArtifactType is the type of the artifacts that Push makes.
const ArtifactType = "application/vnd.havn.firmware.v1"

// emptyConfig is the config of an artifact that needs none (OCI image-spec
// 1.1, "Guidance for an Empty Descriptor").
const emptyConfig = "{}"

// PushOptions says what Push pushes, and where to.
type PushOptions struct {
	File      string // path of the firmware binary
	Image     string // HOST/NAME:TAG
	Version   string // what devices report once they run it, 1..64 bytes
	PlainHTTP bool   // allow HTTP without TLS
	// Progress, if set, is told the bytes of the firmware uploaded so far. done
	// falls back to 0 when the upload is repeated. It is called from another
	// goroutine.
	Progress func(done, total int64)
}

// PushResult is what Push made. Pushing the same again makes the same.
type PushResult struct {
	Reference string          // HOST/NAME@DIGEST, which names it for ever
	Manifest  string          // digest of the manifest
	Digest    firmware.Digest // of the firmware
	Size      uint32          // bytes of firmware
}

// Push packs a firmware binary as an OCI artifact, format (a), and pushes it
// with the credentials of the Docker keychain. Errors wrap ErrInvalid for what
// is wrong with opts, ErrTooLarge, ErrDenied, and ErrNotFound where the registry
// has no such repository; others mean that the registry is away or refuses the
// artifact.
func Push(ctx context.Context, opts PushOptions) (PushResult, error) {
	tag, err := opts.tag()
	if err != nil {
		return PushResult{}, err
	}
	a, err := newArtifact(opts)
	if err != nil {
		return PushResult{}, fmt.Errorf("firmware %s: %w", opts.File, err)
	}
	if err := a.push(ctx, tag, opts.PlainHTTP); err != nil {
		return PushResult{}, fmt.Errorf("push %s: %w", opts.Image, err)
	}
	a.report(a.size)
	manifest, err := partial.Digest(a)
	if err != nil {
		return PushResult{}, err
	}
	return PushResult{
		Reference: tag.Context().Digest(manifest.String()).Name(), Manifest: manifest.String(),
		Digest: a.digest, Size: uint32(a.size),
	}, nil
}

func (o *PushOptions) tag() (name.Tag, error) {
	var opts []name.Option
	if o.PlainHTTP {
		opts = append(opts, name.Insecure)
	}
	tag, err := name.NewTag(o.Image, append(opts, name.StrictValidation)...)
	if err != nil || !hasHost(o.Image) {
		return tag, fmt.Errorf("%w: image %q: want HOST/NAME:TAG", firmware.ErrInvalid, o.Image)
	}
	if o.Version == "" {
		return tag, fmt.Errorf("%w: image %s: no version", firmware.ErrInvalid, o.Image)
	}
	return tag, checkVersion(o.Version)
}

// artifact is a firmware file as an OCI image. It implements
// partial.CompressedImageCore; its layer stays on disk.
type artifact struct {
	opts   PushOptions
	digest firmware.Digest
	size   int64
}

func newArtifact(opts PushOptions) (*artifact, error) {
	f, err := os.Open(opts.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, size, err := v1.SHA256(f)
	if err != nil {
		return nil, err
	}
	if err := checkSize(size); err != nil {
		return nil, err
	}
	digest, err := firmware.ParseDigest(h.Hex)
	return &artifact{opts: opts, digest: digest, size: size}, err
}

func (a *artifact) push(ctx context.Context, tag name.Tag, plain bool) error {
	host := tag.RegistryStr()
	g, err := newGuard(map[string]Registry{host: {Host: host, PlainHTTP: plain}})
	if err != nil {
		return err
	}
	defer g.other.CloseIdleConnections()
	img, err := partial.CompressedToImage(a)
	if err != nil {
		return err
	}
	err = remote.Write(tag, img, remote.WithContext(ctx), remote.WithTransport(g),
		remote.WithAuth(credentials{repo: tag.Context()}))
	if err != nil {
		return answerError(tag.Registry, err)
	}
	return nil
}

func (a *artifact) report(done int64) {
	if a.opts.Progress != nil {
		a.opts.Progress(done, a.size)
	}
}

func (a *artifact) hash() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: a.digest.Hex()} }

// RawConfigFile returns the empty config.
func (a *artifact) RawConfigFile() ([]byte, error) { return []byte(emptyConfig), nil }

// MediaType returns that of an OCI manifest.
func (a *artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest returns the manifest. It depends on the firmware, its base name
// and version alone: there is no time of creation in it.
func (a *artifact) RawManifest() ([]byte, error) {
	config, size, err := v1.SHA256(bytes.NewReader([]byte(emptyConfig)))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  ArtifactType,
		Config:        v1.Descriptor{MediaType: types.OCIEmptyJSON, Size: size, Digest: config},
		Layers: []v1.Descriptor{{
			MediaType: layerType, Size: a.size, Digest: a.hash(),
			Annotations: map[string]string{titleAnnotation: filepath.Base(a.opts.File)},
		}},
		Annotations: map[string]string{versionAnnotation: a.opts.Version},
	})
}

// LayerByDigest returns the firmware.
func (a *artifact) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h != a.hash() {
		return nil, errors.New("no layer " + h.String())
	}
	return firmwareLayer{a}, nil
}

// firmwareLayer is the file as a layer.
type firmwareLayer struct{ a *artifact }

func (l firmwareLayer) Digest() (v1.Hash, error)            { return l.a.hash(), nil }
func (l firmwareLayer) Size() (int64, error)                { return l.a.size, nil }
func (l firmwareLayer) MediaType() (types.MediaType, error) { return layerType, nil }

// Compressed opens the file for an upload.
func (l firmwareLayer) Compressed() (io.ReadCloser, error) {
	f, err := os.Open(l.a.opts.File)
	if err != nil {
		return nil, err
	}
	return &counted{ReadCloser: f, a: l.a}, nil
}

// counted reports what is read of a file.
type counted struct {
	io.ReadCloser
	a    *artifact
	done int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.done += int64(n)
	c.a.report(c.done)
	return n, err
}
