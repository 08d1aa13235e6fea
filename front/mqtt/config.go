package mqtt

import (
	"havn/fault"
	"havn/front"
)

// Setup is what the front is configured with.
type Setup struct {
	Config Config
	Chunks Chunks
}

// Config is the section mqtt. Without an address the front is off.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT; empty = off
	TLSListen   string `yaml:"tls_listen"`  // HOST:PORT; empty = off
	Certificate string `yaml:"certificate"` // PEM file, of tls_listen
	Key         string `yaml:"key"`         // PEM file, of tls_listen
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Listen("listen", c.Listen)
	faults.Listen("tls_listen", c.TLSListen)
	faults.Together("certificate", c.Certificate, "key", c.Key)
	if c.TLSListen != "" && c.Certificate == "" {
		faults.Add("tls_listen", "set without certificate and key")
	}
	return faults
}

// maxSize is the most data in one Write. The rest of a packet is for its topic and for the
// other fields of the Command.
const maxSize = maxPacket - 512

// defaults are the chunk sizes where the configuration has none: most clients of
// microcontrollers have a buffer of one or two KiB.
var defaults = front.Chunks{WriteSize: 1024, Align: front.DefaultAlign}

// Chunks is how much firmware one Write carries, if the device takes packets of that
// size. A number that is 0 has its default: 1024, and 4.
type Chunks front.Chunks

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() fault.List { return front.Chunks(c).Validate(maxSize) }

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Chunks) WithDefaults() Chunks { return Chunks(front.Chunks(c).Or(defaults)) }
