package oci

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"havn/link"
)

// credentials authenticates for one repository: with the configured account of
// its host, else with the Docker keychain. Both are read at each authentication:
// they can be rotated without a restart.
type credentials struct {
	repo     name.Repository
	registry Registry // zero when the host is not configured
}

// Authorization implements authn.Authenticator.
func (c credentials) Authorization() (*authn.AuthConfig, error) {
	if c.registry.Username == "" {
		auth, err := authn.DefaultKeychain.Resolve(c.repo)
		if err != nil {
			return nil, fmt.Errorf("docker keychain: %w", err)
		}
		return auth.Authorization()
	}
	file := link.File{Key: "password_file in firmware.registries", Path: c.registry.PasswordFile}
	password, err := file.Password()
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", c.registry.Host, err)
	}
	return &authn.AuthConfig{Username: c.registry.Username, Password: password}, nil
}
