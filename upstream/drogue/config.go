package drogue

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is the section upstream.drogue.
type Config struct {
	Registry    RegistryConfig    `yaml:"registry"`
	Integration IntegrationConfig `yaml:"integration"`
	Endpoints   []Endpoint        `yaml:"endpoints"` // one per application
	Channel     string            `yaml:"channel"`   // of forwarded status events
	RawDFU      bool              `yaml:"raw_dfu"`   // allow channel dfu, where an updater answers
}

// RegistryConfig is the device registry. Without User the token is a bearer
// token, else it is the access token of that user.
type RegistryConfig struct {
	URL       string        `yaml:"url"`        // of the API, without path; empty = off
	User      string        `yaml:"user"`       // owner of the access token
	TokenFile string        `yaml:"token_file"` // read at each request; empty = anonymous
	CA        string        `yaml:"ca"`         // PEM file of the authorities the server must have
	Refresh   time.Duration `yaml:"refresh"`    // how often everything is read again
}

// IntegrationConfig is the MQTT integration, which tells of changes at once.
type IntegrationConfig struct {
	URL       string `yaml:"url"`        // mqtts://HOST:PORT or mqtt://HOST:PORT; empty = off
	User      string `yaml:"user"`       // owner of the access token; empty = a bearer token
	TokenFile string `yaml:"token_file"` // read at each connection
	CA        string `yaml:"ca"`         // PEM file of the authorities the server must have
	// Group is a consumer group for this gateway alone: events of an outage are
	// then delivered after it. Without one they are not.
	Group string `yaml:"group"`
}

// Endpoint is the gateway device of one application, and where it publishes.
type Endpoint struct {
	URL          string `yaml:"url"` // mqtts://, mqtt://, https:// or http://, HOST:PORT
	Application  string `yaml:"application"`
	Device       string `yaml:"device"`        // the gateway device
	PasswordFile string `yaml:"password_file"` // read at each connection or request
	CA           string `yaml:"ca"`            // PEM file of the authorities the server must have
}

// Firmware is the channel on which an updater in the cloud would answer each
// status, and the name of its commands.
const Firmware = "dfu"

// Validate reports the first mistake. The error begins with the key that it is
// about, as seen from the section.
func (c Config) Validate() error {
	if err := c.Registry.validate(); err != nil {
		return fmt.Errorf("registry.%w", err)
	}
	if err := c.Integration.validate(c.Registry); err != nil {
		return fmt.Errorf("integration.%w", err)
	}
	for i := range c.Endpoints {
		if err := c.validateEndpoint(i); err != nil {
			return fmt.Errorf("endpoints[%d].%w", i, err)
		}
	}
	return c.validateChannel()
}

// validateEndpoint checks one endpoint, also against those before it.
func (c Config) validateEndpoint(i int) error {
	e := c.Endpoints[i]
	same := func(o Endpoint) bool { return o.Application == e.Application }
	if slices.ContainsFunc(c.Endpoints[:i], same) {
		return fmt.Errorf("application: %q has an endpoint already: a gateway device is for one "+
			"application, an application has one", e.Application)
	}
	return e.validate()
}

func (c Config) validateChannel() error {
	switch {
	case c.Channel == Firmware && !c.RawDFU:
		return fmt.Errorf("channel: an updater in the cloud would answer on dfu too; " +
			"take another one, or set raw_dfu: true")
	case len(c.Endpoints) > 0 && !PlainName(c.Channel):
		return fmt.Errorf("channel: %q: want one word without / + and #", c.Channel)
	}
	return nil
}

// PlainName reports whether a channel or application is one level of an MQTT
// topic.
func PlainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/+#")
}

func (r RegistryConfig) validate() error {
	switch {
	case r.URL == "":
		return nil
	case r.User != "" && r.TokenFile == "":
		return fmt.Errorf("user: %s needs a token_file", r.User)
	case r.Refresh <= 0:
		return fmt.Errorf("refresh: %v: want more than 0", r.Refresh)
	}
	return checkURL(r.URL, "https", "http")
}

func (i IntegrationConfig) validate(r RegistryConfig) error {
	switch {
	case i.URL == "":
		return nil
	case r.URL == "":
		return fmt.Errorf("url: it tells of changes in the registry: set registry.url too")
	case i.User != "" && i.TokenFile == "":
		return fmt.Errorf("user: %s needs a token_file", i.User)
	case strings.ContainsAny(i.Group, "/+#"):
		return fmt.Errorf("group: %q: want no / + and #", i.Group)
	}
	return checkURL(i.URL, "mqtts", "mqtt")
}

func (e Endpoint) validate() error {
	for _, f := range [...]struct{ key, value string }{
		{"application", e.Application}, {"device", e.Device}, {"password_file", e.PasswordFile},
	} {
		if f.value == "" {
			return fmt.Errorf("%s: must not be empty", f.key)
		}
	}
	return checkURL(e.URL, "mqtts", "mqtt", "https", "http")
}

func checkURL(text string, schemes ...string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("url: %q: want %s://HOST:PORT",
			redacted(text), strings.Join(schemes, ":// or "))
	}
	return nil
}

// redacted takes credentials out of a URL that cannot be parsed for them.
func redacted(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		return scheme + "://..." + rest[at:]
	}
	return text
}
