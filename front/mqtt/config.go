package mqtt

import (
	"cmp"

	"havn/fault"
	"havn/update"
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

// Defaults and bounds of Chunks: most clients of microcontrollers have a buffer of one
// or two KiB, and a packet has room for the head of a Command besides its data.
const (
	defaultSize  = 1024
	maxSize      = maxPacket - 512
	defaultAlign = 4
)

// Chunks is how much firmware one Command carries, if the packets that the device
// takes do not carry less. A number that is 0 has its default.
type Chunks struct {
	WriteSize int `yaml:"write_size"` // most data in one Write, bytes; default 1024
	Align     int `yaml:"align"`      // flash word, bytes: Writes are multiples of it; default 4
}

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() (faults fault.List) {
	update.CheckWrite(&faults, c.WriteSize, maxSize, c.Align)
	update.CheckAlign(&faults, c.Align)
	return faults
}

func (c Chunks) withDefaults() Chunks {
	c.WriteSize = cmp.Or(c.WriteSize, defaultSize)
	c.Align = cmp.Or(c.Align, defaultAlign)
	return c
}
