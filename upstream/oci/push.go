package oci

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"havn/firmware"
	"havn/upstream/oci/artifact"
)

// PushOptions says what Push pushes, and where to.
type PushOptions struct {
	File      string // path of the firmware binary
	Image     string // HOST/NAME:TAG
	Version   string // what devices report once they run it, 1..64 bytes
	PlainHTTP bool   // allow HTTP without TLS
	// Progress, if set, is told the bytes of the firmware uploaded so far, from
	// another goroutine. done falls back to 0 when the upload is repeated.
	Progress func(done, total int64)
}

// PushResult is what Push made. The same firmware, pushed again, gives the same.
type PushResult struct {
	Reference string          // HOST/NAME@DIGEST, which names it for ever
	Manifest  string          // digest of the manifest
	Digest    firmware.Digest // of the firmware
	Size      uint32          // bytes of firmware
}

// Push packs a firmware binary as an OCI artifact, format (a), and pushes it
// with the credentials of the Docker keychain. Errors wrap ErrInvalid where opts
// cannot be used, ErrTooLarge, ErrDenied, and ErrNotFound where the registry has no
// such repository. Any other error says that the registry is away, or refuses the
// artifact.
func Push(ctx context.Context, opts PushOptions) (PushResult, error) {
	tag, err := opts.tag()
	if err != nil {
		return PushResult{}, err
	}
	packed, err := artifact.Pack(opts.File, opts.Version, opts.Progress)
	if err != nil {
		return PushResult{}, fmt.Errorf("firmware %s: %w", opts.File, err)
	}
	if err := push(ctx, packed, tag, opts.PlainHTTP); err != nil {
		return PushResult{}, fmt.Errorf("push %s: %w", opts.Image, err)
	}
	if opts.Progress != nil {
		opts.Progress(packed.Size, packed.Size)
	}
	manifest, err := partial.Digest(packed)
	if err != nil {
		return PushResult{}, err
	}
	return PushResult{
		Reference: tag.Context().Digest(manifest.String()).Name(), Manifest: manifest.String(),
		Digest: packed.Digest, Size: uint32(packed.Size),
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
	return tag, nil
}

func push(ctx context.Context, packed *artifact.Packed, tag name.Tag, plain bool) error {
	host := tag.RegistryStr()
	g, err := newGuard(map[string]Registry{host: {Host: host, PlainHTTP: plain}})
	if err != nil {
		return err
	}
	defer g.CloseIdleConnections()
	img, err := partial.CompressedToImage(packed)
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
