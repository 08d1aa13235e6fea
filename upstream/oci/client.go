package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
	"havn/link"
)

const (
	maxManifest    = 4 << 20     // bytes, what distribution-spec asks registries to take
	connectTimeout = time.Minute // ping and token together
)

var manifestTypes = strings.Join([]string{
	string(types.OCIManifestSchema1), string(types.OCIImageIndex),
	string(types.DockerManifestSchema2), string(types.DockerManifestList),
}, ",")

// connect returns the authenticated HTTP client for repo. A client, with its
// token, is kept until one of its requests fails.
func (s *Source) connect(ctx context.Context, repo name.Repository) (*http.Client, error) {
	if c, ok := s.clients.get(repo.Name()); ok {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	registry := s.names.listed[repo.RegistryStr()]
	var opts []name.Option
	if registry.PlainHTTP {
		opts = append(opts, name.Insecure)
	}
	reg, err := name.NewRegistry(repo.RegistryStr(), opts...)
	if err != nil {
		return nil, err
	}
	rt, err := transport.NewWithContext(ctx, reg, credentials{repo, registry}, s.guard,
		[]string{repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, contactError(reg, err)
	}
	c := &http.Client{Transport: rt}
	s.clients.put(repo.Name(), c)
	return c, nil
}

// request asks repo for a resource, "manifests/REFERENCE" or "blobs/DIGEST",
// and returns the successful response.
func (s *Source) request(ctx context.Context, method string, repo name.Repository,
	resource string) (*http.Response, error) {
	client, err := s.connect(ctx, repo)
	if err != nil {
		return nil, err
	}
	url := "https://" + repo.RegistryStr() + "/v2/" + repo.RepositoryStr() + "/" + resource
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", manifestTypes+",*/*;q=0.5")
	resp, err := client.Do(req)
	if err != nil {
		s.clients.drop(repo.Name())
		return nil, contactError(repo.Registry, err)
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		resp.Body.Close()
		err = link.WithPause(answerError(repo.Registry, err), resp.Header, time.Now())
		if !errors.Is(err, firmware.ErrNotFound) {
			s.clients.drop(repo.Name())
		}
		return nil, err
	}
	return resp, nil
}

// head asks for the digest that a tag has now. A registry that tells no digest is
// asked for the manifest.
func (s *Source) head(ctx context.Context, tag name.Tag) (v1.Hash, error) {
	resp, err := s.request(ctx, http.MethodHead, tag.Context(), "manifests/"+tag.TagStr())
	if err != nil {
		return v1.Hash{}, err
	}
	resp.Body.Close()
	if digest := resp.Header.Get("Docker-Content-Digest"); digest != "" {
		return v1.NewHash(digest)
	}
	b, err := s.manifest(ctx, tag)
	if err != nil {
		return v1.Hash{}, err
	}
	h, _, err := v1.SHA256(strings.NewReader(string(b)))
	return h, err
}

// manifest returns the bytes of a manifest or index.
func (s *Source) manifest(ctx context.Context, ref name.Reference) ([]byte, error) {
	resp, err := s.request(ctx, http.MethodGet, ref.Context(), "manifests/"+ref.Identifier())
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxManifest))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			err = fmt.Errorf("%w: %w", firmware.ErrTooLarge, err)
		}
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return b, nil
}

// manifestByDigest returns a manifest or index whose bytes hash to digest.
func (s *Source) manifestByDigest(ctx context.Context, repo name.Repository,
	digest v1.Hash) ([]byte, error) {
	b, err := s.manifest(ctx, repo.Digest(digest.String()))
	if err != nil {
		return nil, err
	}
	h, err := v1.Hasher(digest.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", firmware.ErrInvalid, err)
	}
	h.Write(b)
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != digest.Hex {
		return nil, fmt.Errorf("manifest %s from %s: %w: got %s",
			digest, repo.RegistryStr(), firmware.ErrDigest, got)
	}
	return b, nil
}

// blob opens a layer. Its bytes are not verified yet.
func (s *Source) blob(ctx context.Context, repo name.Repository,
	digest v1.Hash) (io.ReadCloser, error) {
	resp, err := s.request(ctx, http.MethodGet, repo, "blobs/"+digest.String())
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", digest, err)
	}
	return resp.Body, nil
}
