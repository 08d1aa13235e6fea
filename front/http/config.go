package http

import (
	"cmp"

	"havn/fault"
	"havn/update"
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

// Defaults of Chunks: more than maxCommand leaves room for, so that an answer is
// as full as it can be, and the flash word of most microcontrollers.
const (
	defaultSize  = 2016
	defaultAlign = 4
)

// Chunks is how much firmware one answer carries, if an answer of 2048 bytes
// does not carry less. A number that is 0 has its default.
type Chunks struct {
	WriteSize int `yaml:"write_size"` // most data in one Write, bytes; default 2016
	Align     int `yaml:"align"`      // flash word, bytes: Writes are multiples of it; default 4
}

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() (faults fault.List) {
	update.CheckWrite(&faults, c.WriteSize, defaultSize, c.Align)
	update.CheckAlign(&faults, c.Align)
	return faults
}

func (c Chunks) withDefaults() Chunks {
	c.WriteSize = cmp.Or(c.WriteSize, defaultSize)
	c.Align = cmp.Or(c.Align, defaultAlign)
	return c
}

// limits returns what the Command of one answer may be.
func (c Chunks) limits() update.Limits {
	return update.Limits{
		Payload: maxCommand, Write: uint32(c.WriteSize), Align: uint32(c.Align),
	}
}
