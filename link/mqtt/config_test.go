package mqtt

import (
	"testing"
)

func TestValidate(t *testing.T) {
	good := Config{URL: "mqtts://broker:8883", Username: "u", PasswordFile: "f",
		CA: "ca", Certificate: "c", Key: "k"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, u := range []string{"mqtt://broker", "mqtts://[fd00::1]"} {
		if err := (Config{URL: u}).Validate(); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for name, change := range map[string]func(*Config){
		"no scheme": func(c *Config) { c.URL = "broker:1883" },
		"http":      func(c *Config) { c.URL = "http://broker" },
		"path":      func(c *Config) { c.URL = "mqtts://broker/mqtt" },
		"no host":   func(c *Config) { c.URL = "mqtts://" },
		"account":   func(c *Config) { c.URL = "mqtts://u:p@broker" },
		"no user":   func(c *Config) { c.Username = "" },
		"no key":    func(c *Config) { c.Key = "" },
		"plain":     func(c *Config) { c.URL = "mqtt://broker" },
	} {
		bad := good
		change(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s accepted", name)
		}
	}
	if _, err := New(Config{}, Parts{}); err == nil {
		t.Error("a client of nothing")
	}
}
