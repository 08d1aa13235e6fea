package hawkbit

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"havn/fault"
	"havn/link"
	"havn/upstream/hawkbit/ddi"
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
	// GatewayTokenFile holds the tenant's gateway token, which acts for all
	// controllers of the tenant. The file is read at each request.
	GatewayTokenFile string `yaml:"gateway_token_file"`
	// TargetTokenFile holds the token of one target, for a gateway that serves
	// only that controller. The file is read at each request.
	TargetTokenFile string `yaml:"target_token_file"`
	// Artifact is a pattern of [path.Match] for the name of the file to take from a
	// deployment. A pattern with a slash is for PART/NAME: "os/*.bin".
	// DefaultArtifact when empty.
	Artifact string `yaml:"artifact"`
	// CA is a PEM file of the authorities that the server must have. It is read
	// again when it has changed.
	CA string `yaml:"ca"`
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Config) WithDefaults() Config {
	c.Tenant = cmp.Or(c.Tenant, DefaultTenant)
	c.Artifact = cmp.Or(c.Artifact, DefaultArtifact)
	return c
}

// ddi returns how the server is reached.
func (c Config) ddi(dial link.Dial) (ddi.Config, error) {
	server, err := url.Parse(c.URL)
	if err != nil {
		return ddi.Config{}, errors.New("internal error: the URL was not validated")
	}
	token := ddi.Token{Scheme: ddi.GatewayToken,
		File: link.File{Key: "firmware.hawkbit.gateway_token_file", Path: c.GatewayTokenFile}}
	if c.TargetTokenFile != "" {
		token = ddi.Token{Scheme: ddi.TargetToken,
			File: link.File{Key: "firmware.hawkbit.target_token_file", Path: c.TargetTokenFile}}
	}
	return ddi.Config{
		Base: ddi.Base(server, c.Tenant), Token: token, Dial: dial,
		CA: link.File{Key: "firmware.hawkbit.ca", Path: c.CA},
	}, nil
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
