package coap

import (
	"cmp"

	"havn/fault"
	"havn/identity"
)

// Config sets up the front. Its zero value but Listen is usable.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT of the UDP socket, like ":5683"
	Readers     int    `yaml:"readers"`     // sockets that share the port; 0 = one per core
	Application string `yaml:"application"` // of requests that name only a device; empty = "default"
}

// maxReaders bounds Config.Readers: more sockets than cores only cost memory,
// 4 MiB of the kernel's each.
const maxReaders = 64

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Listen("listen", c.Listen)
	faults.Number("readers", c.Readers, 0, maxReaders)
	if !identity.ValidName([]byte(c.Application)) {
		faults.Add("application", "%q: %v", c.Application, identity.ErrName)
	}
	return faults
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Config) WithDefaults() Config {
	c.Application = cmp.Or(c.Application, "default")
	return c
}
