package hawkbit

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path"
)

// Defaults of an empty Config.
const (
	DefaultTenant   = "DEFAULT"
	DefaultArtifact = "*.bin"
)

// Config names the server and what to take from it.
type Config struct {
	// URL of the server, to before the tenant: "https://hawkbit.example".
	URL string `yaml:"url"`
	// Tenant of all controllers; DefaultTenant when empty.
	Tenant string `yaml:"tenant"`
	// GatewayTokenFile holds the tenant's gateway token, which acts for all its
	// controllers. It is read at each request.
	GatewayTokenFile string `yaml:"gateway_token_file"`
	// TargetTokenFile holds the token of one target, for a gateway that serves
	// only that controller. It is read at each request.
	TargetTokenFile string `yaml:"target_token_file"`
	// Artifact is the file to take from a deployment, a pattern of [path.Match]
	// for its name, or for PART/NAME when it has a slash: "os/*.bin".
	// DefaultArtifact when empty.
	Artifact string `yaml:"artifact"`
	// CA is a PEM file of the authorities the server must have.
	CA string `yaml:"ca"`
}

// withDefaults returns c with its empty fields filled.
func (c Config) withDefaults() Config {
	c.Tenant = cmp.Or(c.Tenant, DefaultTenant)
	c.Artifact = cmp.Or(c.Artifact, DefaultArtifact)
	return c
}

// base returns the URL under which the tenant's controllers are.
func (c Config) base() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: want https://HOST[:PORT]") // err could repeat a password
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("url: %q: want https://HOST[:PORT]", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("url: %q: want no user, query or fragment", u.Redacted())
	}
	return u.JoinPath(url.PathEscape(c.Tenant), "controller", "v1"), nil
}

// Validate reports the first field that cannot be used, beginning with its key.
// Without a URL there is no server.
func (c Config) Validate() error {
	if _, err := path.Match(c.Artifact, ""); err != nil {
		return fmt.Errorf("artifact: %q is no pattern", c.Artifact)
	}
	if c.GatewayTokenFile != "" && c.TargetTokenFile != "" {
		return fmt.Errorf("target_token_file: give this or gateway_token_file, not both")
	}
	if c.URL == "" && c.GatewayTokenFile+c.TargetTokenFile+c.CA == "" {
		return nil
	}
	_, err := c.base()
	return err
}

// tls returns the client configuration, nil for the system's authorities.
func (c Config) tls() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: no PEM certificate in %s", c.CA)
	}
	return &tls.Config{RootCAs: pool}, nil
}
