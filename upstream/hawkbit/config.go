package hawkbit

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"

	"havn/fault"
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
func (c Config) base() *url.URL {
	u, err := url.Parse(c.URL)
	if err != nil {
		panic("internal error: the URL was not validated")
	}
	return u.JoinPath(url.PathEscape(c.Tenant), "controller", "v1")
}

// Validate returns what is wrong with c. Without a URL there is no server, and
// nothing else may be set.
func (c Config) Validate() (faults fault.List) {
	faults.Pattern("artifact", c.Artifact)
	if c.GatewayTokenFile != "" && c.TargetTokenFile != "" {
		faults.Add("target_token_file", "give this or gateway_token_file, not both")
	}
	if c.URL == "" && c.GatewayTokenFile+c.TargetTokenFile+c.CA == "" {
		return faults
	}
	faults.URL("url", c.URL, "https", "http")
	if strings.ContainsAny(c.URL, "?#") {
		faults.Add("url", "want no query and no fragment")
	}
	return faults
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
