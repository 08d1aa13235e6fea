package admin

import "havn/fault"

// Config sets up the server.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT; empty = off
	TokenFile   string `yaml:"token_file"`  // bearer token that callers need; empty = none
	Certificate string `yaml:"certificate"` // PEM file; with Key the server speaks TLS
	Key         string `yaml:"key"`         // PEM file
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Listen("listen", c.Listen)
	faults.Together("certificate", c.Certificate, "key", c.Key)
	return faults
}
