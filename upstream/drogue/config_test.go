package drogue

import (
	"strings"
	"testing"
	"time"
)

func valid() Config {
	return Config{
		Registry:    RegistryConfig{URL: "https://api.example", User: "me", TokenFile: "t", Refresh: time.Minute},
		Integration: IntegrationConfig{URL: "mqtts://mqtt.example:8883", User: "me", TokenFile: "t", Group: "site"},
		Endpoints: []Endpoint{
			{URL: "mqtts://h:8883", Application: "a", Device: "gw", PasswordFile: "p"},
			{URL: "https://h", Application: "b", Device: "gw", PasswordFile: "p"},
		},
		Channel: "firmware",
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]Config{"all": valid(), "none": {}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for says, spoil := range map[string]func(*Config){
		"registry.url: ":             func(c *Config) { c.Registry.URL = "mqtt://x" },
		"registry.user: ":            func(c *Config) { c.Registry.TokenFile = "" },
		"registry.refresh: ":         func(c *Config) { c.Registry.Refresh = 0 },
		"integration.url: ":          func(c *Config) { c.Integration.URL = "https://x" },
		"integration.user: ":         func(c *Config) { c.Integration.TokenFile = "" },
		"integration.group: ":        func(c *Config) { c.Integration.Group = "a/b" },
		"integration.url: it tells":  func(c *Config) { c.Registry.URL = "" },
		"endpoints[0].password_file": func(c *Config) { c.Endpoints[0].PasswordFile = "" },
		"endpoints[1].application: ": func(c *Config) { c.Endpoints[1].Application = "a" },
		"endpoints[0].url: ":         func(c *Config) { c.Endpoints[0].URL = "coap://x" },
		"raw_dfu":                    func(c *Config) { c.Channel = "dfu" },
		"one word":                   func(c *Config) { c.Channel = "a/b" },
		`"https://...@host"`:         func(c *Config) { c.Registry.URL = "https://me:pass@host" },
	} {
		c := valid()
		spoil(&c)
		if err := c.Validate().Err(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%v, want something with %s", err, says)
		}
	}
	c := valid()
	c.Channel, c.RawDFU = "dfu", true
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
