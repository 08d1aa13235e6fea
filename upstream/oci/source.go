package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/dfu"
	"havn/firmware"
)

// Source resolves and fetches images of OCI registries. It is safe for
// concurrent use.
type Source struct {
	names   names
	guard   *guard
	clients bounded[*http.Client] // by repository
	known   bounded[outcome]      // by repository@digest
}

// outcome is what a manifest turned out to be, good or bad: its bytes never
// change, so neither does this.
type outcome struct {
	m   firmware.Metadata // Version is empty where neither manifest nor JSON has one
	err error             // wraps ErrInvalid or ErrTooLarge
}

// New checks cfg and reads the CA files. Nothing is asked of a registry yet.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("oci: %w", err)
	}
	listed := make(map[string]Registry, len(cfg.Registries))
	for _, r := range cfg.Registries {
		r.Host, _ = r.validate()
		listed[r.Host] = r
	}
	g, err := newGuard(listed)
	if err != nil {
		return nil, err
	}
	return &Source{names: newNames(cfg, listed), guard: g}, nil
}

// Resolve implements firmware.Source. A registry that cannot be reached or does
// not answer as one gives an error without sentinel.
func (s *Source) Resolve(ctx context.Context, _ dfu.Device, spec firmware.Spec) (
	firmware.Metadata, error) {
	if spec.Container == nil {
		return firmware.Metadata{}, fmt.Errorf("%w: %s is no container image",
			firmware.ErrInvalid, spec.Key())
	}
	m, err := s.resolve(ctx, spec.Container.Image)
	if err != nil {
		return firmware.Metadata{}, fmt.Errorf("image %s: %w", spec.Container.Image, err)
	}
	return m, nil
}

func (s *Source) resolve(ctx context.Context, image string) (firmware.Metadata, error) {
	ref, err := s.names.reference(image)
	if err != nil {
		return firmware.Metadata{}, err
	}
	digest, err := s.digest(ctx, ref)
	if err != nil {
		return firmware.Metadata{}, err
	}
	m, err := s.inspect(ctx, ref.Context(), digest)
	if err != nil {
		return firmware.Metadata{}, err
	}
	return named(m, ref)
}

// digest returns the digest ref names, asking the registry only for tags.
func (s *Source) digest(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	if tag, ok := ref.(name.Tag); ok {
		return s.head(ctx, tag)
	}
	digest, err := v1.NewHash(ref.Identifier())
	if err != nil {
		return digest, fmt.Errorf("%w: %w", firmware.ErrInvalid, err)
	}
	return digest, nil
}

// inspect returns the firmware behind a manifest or index. What it cannot use
// is remembered as well, so that no layer is downloaded twice to be refused.
func (s *Source) inspect(ctx context.Context, repo name.Repository, digest v1.Hash) (
	firmware.Metadata, error) {
	key := repo.Digest(digest.String()).Name()
	if o, ok := s.known.get(key); ok {
		return o.m, o.err
	}
	m, err := s.find(ctx, repo, digest)
	final := errors.Is(err, firmware.ErrInvalid) || errors.Is(err, firmware.ErrTooLarge)
	if err == nil || final {
		s.known.put(key, outcome{m, err})
	}
	return m, err
}

// named gives m the version its reference implies where it has none.
func named(m firmware.Metadata, ref name.Reference) (firmware.Metadata, error) {
	if m.Version != "" {
		return m, nil
	}
	m.Version = m.Digest.Short()
	tag, ok := ref.(name.Tag)
	if !ok || !strings.ContainsAny(tag.TagStr(), "0123456789") {
		return m, nil
	}
	m.Version, m.Tagged = tag.TagStr(), true
	return m, checkVersion(m.Version)
}

func checkVersion(version string) error {
	if len(version) > firmware.MaxVersion {
		return fmt.Errorf("%w: version %.16q... has %d bytes, %d at most",
			firmware.ErrInvalid, version, len(version), firmware.MaxVersion)
	}
	return nil
}

// Fetch implements firmware.Source: it asks for the layer in m.Origin and for
// nothing else. Reads fail with ErrDigest where the bytes are not m's, with
// other errors when the registry goes away.
func (s *Source) Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	rc, err := s.fetch(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("image %s of %s: %w", m.Digest.Short(), m.Origin.Repository, err)
	}
	return verify(rc, m.Digest, int64(m.Size)), nil
}

func (s *Source) fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	repo, err := name.NewRepository(m.Origin.Repository)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", firmware.ErrInvalid, err)
	}
	if err := s.names.check(repo); err != nil {
		return nil, err
	}
	layer, err := v1.NewHash(m.Origin.Layer)
	if err != nil {
		return nil, fmt.Errorf("%w: layer: %w", firmware.ErrInvalid, err)
	}
	body, err := s.blob(ctx, repo, layer)
	if err != nil || m.Origin.Path == "" {
		return body, err
	}
	return openPath(body, m.Origin.Path)
}
