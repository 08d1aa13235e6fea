package http

import (
	"havn/fault"
	"havn/front"
)

// Config sets up the front. Its zero value but Listen is usable.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT of the TCP socket, like ":8088"; empty = off
	Certificate string `yaml:"certificate"` // PEM file; with Key the front speaks TLS
	Key         string `yaml:"key"`         // PEM file
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Listen("listen", c.Listen)
	faults.Together("certificate", c.Certificate, "key", c.Key)
	return faults
}

// maxAnswer is the receive buffer of the reference device, which an answer to a
// Status must fit with its head.
const maxAnswer = 2048

// longestHead is the longest head that an answer to a Status has.
const longestHead = "HTTP/1.1 200 OK\r\n" +
	"command: dfu\r\n" +
	"Content-Length: 1234\r\n" +
	"Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n" +
	"Connection: keep-alive\r\n\r\n"

// maxCommand is how long a Command may be.
const maxCommand = maxAnswer - len(longestHead)

// defaults are the chunk sizes if the configuration has none. No Write is larger. The
// size is more than maxCommand leaves room for, so an answer is as full as it can be.
var defaults = front.Chunks{WriteSize: 2016, Align: front.DefaultAlign}

// Chunks is how much firmware one answer carries, if an answer of 2048 bytes does
// not carry less. A number that is 0 has its default: 2016, and 4.
type Chunks front.Chunks

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() fault.List { return front.Chunks(c).Validate(defaults.WriteSize) }

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Chunks) WithDefaults() Chunks { return Chunks(front.Chunks(c).Or(defaults)) }
