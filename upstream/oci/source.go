package oci

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream/oci/artifact"
)

// Source resolves and fetches images of OCI registries. It is safe for
// concurrent use.
type Source struct {
	names   names
	guard   *guard
	clients bounded[*http.Client] // by repository
	known   bounded[outcome]      // by repository@digest
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

// Close gives idle connections back.
func (s *Source) Close() { s.guard.CloseIdleConnections() }

// Resolve implements firmware.Source. A registry that cannot be reached, or does
// not answer as a registry, gives an error without sentinel.
func (s *Source) Resolve(ctx context.Context, _ dfu.Device, spec firmware.Spec) (
	firmware.Metadata, error) {
	ref, ok := spec.Ref.(Ref)
	if !ok {
		return firmware.Metadata{}, fmt.Errorf("%w: %s is no container image",
			firmware.ErrInvalid, spec.Key())
	}
	m, err := s.resolve(ctx, ref.Image)
	if err != nil {
		return firmware.Metadata{}, fmt.Errorf("image %s: %w", ref.Image, err)
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

// digest returns the digest that ref names. Only for a tag the registry is asked.
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

// named gives an image without a version the version that its reference implies.
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
	return m, firmware.CheckVersion(m.Version)
}

// Fetch implements firmware.Source: it asks for the layer in m.Origin and for
// nothing else. The bytes are not verified yet.
func (s *Source) Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	rc, err := s.fetch(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("image %s of %s: %w", m.Digest.Short(), m.Origin.Repository, err)
	}
	return rc, nil
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
	return artifact.OpenFile(body, m.Origin.Path)
}
