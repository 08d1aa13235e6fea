package oci

import (
	"fmt"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"havn/firmware"
)

// names turns image names into references and refuses what is not allowed.
type names struct {
	prefix string // empty or ending in a slash
	allow  []string
	listed map[string]Registry // by host
}

// newNames takes a valid configuration.
func newNames(cfg Config, listed map[string]Registry) names {
	n := names{prefix: cfg.prefix(), listed: listed}
	for _, pattern := range cfg.Allow {
		n.allow = append(n.allow, canonical(pattern))
	}
	return n
}

// reference parses an image name and checks that it may be pulled.
func (n *names) reference(image string) (name.Reference, error) {
	if !hasHost(image) {
		if n.prefix == "" {
			return nil, fmt.Errorf("%w: the name has no registry: write HOST/NAME:TAG or set firmware.prefix",
				firmware.ErrInvalid)
		}
		image = n.prefix + image
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", firmware.ErrInvalid, err)
	}
	return ref, n.check(ref.Context())
}

// check returns ErrDenied, with what to configure, unless repo may be pulled. A
// name with dots as an element is refused: a server could read another name.
func (n *names) check(repo name.Repository) error {
	full := repo.Name()
	if path.Clean("/"+full) != "/"+full {
		return fmt.Errorf("%w: repository %q", firmware.ErrInvalid, full)
	}
	if len(n.allow) > 0 {
		for _, pattern := range n.allow {
			if matches(pattern, full) {
				return nil
			}
		}
		return fmt.Errorf("%w: add %q to firmware.allow", firmware.ErrDenied, full)
	}
	_, listed := n.listed[repo.RegistryStr()]
	if listed || n.prefix != "" && strings.HasPrefix(full, n.prefix) {
		return nil
	}
	return fmt.Errorf("%w: add host %q to firmware.registries, or %q to firmware.allow",
		firmware.ErrDenied, repo.RegistryStr(), full)
}

// matches is path.Match, but a * at the end of pattern also matches slashes.
func matches(pattern, full string) bool {
	head, open := strings.CutSuffix(pattern, "*")
	if !open {
		ok, _ := path.Match(pattern, full)
		return ok
	}
	for n := range len(full) + 1 {
		if ok, _ := path.Match(head, full[:n]); ok {
			return true
		}
	}
	return false
}

// hasHost applies Docker's rule: the first of several path elements is a host
// when it is localhost, or has a dot or a colon.
func hasHost(image string) bool {
	first, _, more := strings.Cut(image, "/")
	return more && (first == "localhost" || strings.ContainsAny(first, ".:"))
}

// canonical spells Docker Hub's host as references do.
func canonical(s string) string {
	if strings.HasPrefix(s, "docker.io/") {
		return "index." + s
	}
	return s
}
