package oci

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"havn/fault"
	"havn/link"
)

// Config says which images may be pulled, and how their registries are reached.
type Config struct {
	// Registries are the hosts for which the Docker keychain and the system's
	// certificate authorities are not enough.
	Registries []Registry `yaml:"registries"`
	// Prefix is put before image names that name no host: "registry.example/fw"
	// makes "blinky:v2" registry.example/fw/blinky:v2.
	Prefix string `yaml:"prefix"`
	// Allow are patterns of HOST/NAME, without tag and digest, as [path.Match]
	// reads them. A * at the end also matches slashes. When Allow is empty, images
	// under Prefix or on one of Registries may be pulled.
	Allow []string `yaml:"allow"`
}

// Registry is one registry host, or a token or storage server that a registry
// sends its clients to.
type Registry struct {
	Host         string `yaml:"host"`          // host[:port], exactly as image names have it
	Username     string `yaml:"username"`      // empty: the Docker keychain is asked
	PasswordFile string `yaml:"password_file"` // read at each authentication
	CA           string `yaml:"ca"`            // PEM file of the authorities the host must have; read again when changed
	PlainHTTP    bool   `yaml:"plain_http"`    // allow HTTP without TLS
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	first := map[string]int{} // entry by host
	for i, r := range c.Registries {
		key := fault.At("registries", i)
		host, below := r.validate()
		faults.Below(key, below)
		if k, twice := first[host]; twice && host != "" {
			faults.Add(key+".host", "%s is listed already, as registries[%d]", r.Host, k)
			continue
		}
		first[host] = i
	}
	c.validatePrefix(&faults)
	for i, pattern := range c.Allow {
		faults.Pattern(fault.At("allow", i), pattern)
	}
	return faults
}

// validate returns the host as references spell it, and what is wrong with r.
func (r Registry) validate() (host string, faults fault.List) {
	host = checkHost(&faults, "host", r.Host)
	faults.Together("username", r.Username, "password_file", r.PasswordFile)
	if r.PlainHTTP && r.CA != "" {
		faults.Add("ca", "not used with plain_http: leave out one of them")
	}
	return host, faults
}

// checkHost returns the host as references spell it, empty if it is not a host.
func checkHost(faults *fault.List, key, host string) string {
	registry, err := name.NewRegistry(host, name.StrictValidation)
	switch {
	case host == "":
		faults.Present(key, host)
	case strings.Contains(host, "://"):
		faults.Add(key, "%q: want HOST or HOST:PORT without a scheme; plain_http turns TLS off", host)
	case err != nil || strings.Contains(host, "/"):
		faults.Add(key, "%q: want HOST or HOST:PORT", host)
	default:
		return registry.RegistryStr()
	}
	return ""
}

func (c Config) validatePrefix(faults *fault.List) {
	prefix := c.prefix()
	_, err := name.NewRepository(prefix + "x")
	switch {
	case prefix == "":
	case strings.Contains(prefix, "://"):
		faults.Add("prefix", "%q: want HOST or HOST/NAME without a scheme; plain_http turns TLS off", c.Prefix)
	case err != nil || !hasHost(prefix):
		faults.Add("prefix", "%q: want HOST or HOST/NAME", c.Prefix)
	}
}

// prefix returns Prefix as references spell it, with a slash at the end.
func (c Config) prefix() string {
	if c.Prefix == "" {
		return ""
	}
	return canonical(strings.TrimSuffix(c.Prefix, "/") + "/")
}

// authorities returns the file that the server of the host is checked with.
func (r Registry) authorities() link.File {
	return link.File{Key: "ca in firmware.registries", Path: r.CA}
}
