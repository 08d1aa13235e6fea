package oci

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Config says which images may be pulled, and how their registries are reached.
type Config struct {
	// Registries are the hosts that need more than the Docker keychain and
	// the system's certificate authorities know.
	Registries []Registry `yaml:"registries"`
	// Prefix is put before image names that name no host: "registry.example/fw"
	// makes "blinky:v2" registry.example/fw/blinky:v2.
	Prefix string `yaml:"prefix"`
	// Allow are patterns of HOST/NAME, without tag and digest, as [path.Match]
	// reads them; a * at the end also matches slashes. When empty, images under
	// Prefix or on one of Registries may be pulled.
	Allow []string `yaml:"allow"`
}

// Registry is one registry host, or a token or storage server a registry
// sends its clients to.
type Registry struct {
	Host         string `yaml:"host"`          // host[:port], exactly as image names have it
	Username     string `yaml:"username"`      // empty: the Docker keychain is asked
	PasswordFile string `yaml:"password_file"` // read at each authentication
	CA           string `yaml:"ca"`            // PEM file of the authorities this host must have
	PlainHTTP    bool   `yaml:"plain_http"`    // allow HTTP without TLS
}

// validate reports the first mistake and makes the host canonical.
func (r *Registry) validate() error {
	reg, err := name.NewRegistry(r.Host, name.StrictValidation)
	switch {
	case err != nil || strings.Contains(r.Host, "/"):
		return fmt.Errorf("registry host %q: want host or host:port", r.Host)
	case (r.Username == "") != (r.PasswordFile == ""):
		return fmt.Errorf("registry %s: give username and password_file together", r.Host)
	}
	r.Host = reg.RegistryStr()
	return nil
}

// tls returns the client configuration for the host.
func (r *Registry) tls() (*tls.Config, error) {
	if r.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, fmt.Errorf("registry %s: ca: %w", r.Host, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("registry %s: ca: no PEM certificate in %s", r.Host, r.CA)
	}
	return &tls.Config{RootCAs: pool}, nil
}
