package mqtt

import (
	"havn/fault"
)

// Config is the section mqtt. Without an address the front is off.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT; empty = off
	TLSListen   string `yaml:"tls_listen"`  // HOST:PORT; empty = off
	Certificate string `yaml:"certificate"` // PEM file, of tls_listen
	Key         string `yaml:"key"`         // PEM file, of tls_listen
}
