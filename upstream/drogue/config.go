package drogue

import (
	"slices"
	"strings"
	"time"

	"havn/fault"
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

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Below("registry", c.Registry.validate())
	faults.Below("integration", c.Integration.validate())
	if c.Integration.URL != "" && c.Registry.URL == "" {
		faults.Add("integration.url", "it tells of changes in the registry: set registry.url too")
	}
	for i, e := range c.Endpoints {
		key := fault.At("endpoints", i)
		faults.Below(key, e.validate())
		same := func(o Endpoint) bool { return o.Application == e.Application }
		if e.Application != "" && slices.ContainsFunc(c.Endpoints[:i], same) {
			faults.Add(key+".application", "%q has an endpoint already: a gateway device is for one "+
				"application, an application has one", e.Application)
		}
	}
	switch {
	case c.Channel == Firmware && !c.RawDFU:
		faults.Add("channel", "an updater in the cloud would answer on dfu too; "+
			"take another one, or set raw_dfu: true")
	case len(c.Endpoints) > 0 && !PlainName(c.Channel):
		faults.Add("channel", "%q: want one word without / + and #", c.Channel)
	}
	return faults
}

// PlainName reports whether a channel or application is one level of an MQTT
// topic.
func PlainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/+#")
}

func (r RegistryConfig) validate() (faults fault.List) {
	if r.URL == "" {
		return nil
	}
	faults.URL("url", r.URL, "https", "http")
	if r.User != "" && r.TokenFile == "" {
		faults.Add("user", "%s needs a token_file", r.User)
	}
	faults.Positive("refresh", r.Refresh)
	return faults
}

func (i IntegrationConfig) validate() (faults fault.List) {
	if i.URL == "" {
		return nil
	}
	faults.URL("url", i.URL, "mqtts", "mqtt")
	if i.User != "" && i.TokenFile == "" {
		faults.Add("user", "%s needs a token_file", i.User)
	}
	if strings.ContainsAny(i.Group, "/+#") {
		faults.Add("group", "%q: want no / + and #", i.Group)
	}
	return faults
}

func (e Endpoint) validate() (faults fault.List) {
	faults.URL("url", e.URL, "mqtts", "mqtt", "https", "http")
	faults.Present("application", e.Application)
	faults.Present("device", e.Device)
	faults.Present("password_file", e.PasswordFile)
	return faults
}
