package oci

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
	"havn/upstream/oci/artifact"
)

// outcome is what a manifest turned out to be, good or bad. It never changes,
// since the bytes behind a digest never change.
type outcome struct {
	m   firmware.Metadata // Version is empty where the image names none
	err error             // wraps ErrInvalid or ErrTooLarge
}

// inspect returns the firmware behind a manifest or index. An image that cannot
// be used is remembered as well, so that no layer is downloaded twice to be
// refused.
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

// find reads a manifest, through an index where digest names one, and returns
// the firmware in it.
func (s *Source) find(ctx context.Context, repo name.Repository, digest v1.Hash) (
	firmware.Metadata, error) {
	doc, err := s.document(ctx, repo, digest)
	if err == nil && doc.IsIndex() {
		if digest, err = doc.Only(); err == nil {
			doc, err = s.document(ctx, repo, digest)
		}
	}
	if err == nil && doc.IsIndex() {
		err = fmt.Errorf("%w: index %s is inside another index", firmware.ErrInvalid, digest)
	}
	if err != nil {
		return firmware.Metadata{}, err
	}
	m, err := doc.Firmware(func(layer v1.Hash) (io.ReadCloser, error) {
		return s.blob(ctx, repo, layer)
	})
	m.Origin.Kind, m.Origin.Repository = Kind.Name, repo.Name()
	m.Origin.Manifest = digest.String()
	return m, err
}

func (s *Source) document(ctx context.Context, repo name.Repository, digest v1.Hash) (
	artifact.Document, error) {
	b, err := s.manifestByDigest(ctx, repo, digest)
	if err != nil {
		return artifact.Document{}, err
	}
	return artifact.Parse(b)
}
