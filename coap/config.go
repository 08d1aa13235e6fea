package coap

import (
	"fmt"
	"net/netip"
	"path"
	"unsafe"

	"havn/coap/block"
)

// Config sets up the front. Its zero value but Listen is usable.
type Config struct {
	Listen      string `yaml:"listen"`      // HOST:PORT of the UDP socket, like ":5683"
	Readers     int    `yaml:"readers"`     // sockets that share the port; 0 = one per core
	Application string `yaml:"application"` // of requests that name only a device; empty = "default"
}

// maxReaders bounds Config.Readers: each takes 4 MiB of kernel memory.
const maxReaders = 256

// Validate reports what is wrong with c.
func (c Config) Validate() error {
	switch {
	case c.Readers < 0 || c.Readers > maxReaders:
		return fmt.Errorf("coap.readers: %d is not within 0..%d", c.Readers, maxReaders)
	case !validName([]byte(c.application())):
		return fmt.Errorf("coap.application: %q: %w", c.Application, errName)
	}
	return nil
}

func (c Config) application() string {
	if c.Application == "" {
		return "default"
	}
	return c.Application
}

// Defaults of Chunks: the largest block of CoAP, and the flash word of most
// microcontrollers.
const (
	defaultSize  = 1024
	defaultAlign = 4
)

// Chunks is how much firmware one answer carries. A number that is 0 has its
// default.
type Chunks struct {
	BlockSize int       `yaml:"block_size"` // largest block served: 16, 32, 64 ... 1024; default 1024
	WriteSize int       `yaml:"write_size"` // most data in one Write, bytes; default 1024
	Align     int       `yaml:"align"`      // flash word, bytes: Writes are multiples of it; default 4
	Profiles  []Profile `yaml:"profiles"`   // the first that matches replaces the numbers above
}

// Profile is a class of devices with chunk sizes of its own. What it leaves
// out matches all, and inherits the number of Chunks.
type Profile struct {
	Subnet      netip.Prefix `yaml:"subnet"`      // of the device's address
	Application string       `yaml:"application"` // path.Match pattern
	Device      string       `yaml:"device"`      // path.Match pattern
	BlockSize   int          `yaml:"block_size"`
	WriteSize   int          `yaml:"write_size"`
	Align       int          `yaml:"align"`
}

// Validate reports what is wrong with c.
func (c Chunks) Validate() error {
	_, err := c.compile()
	return err
}

// policy is Chunks, ready for use.
type policy struct {
	sizes
	profiles []profile
}

// sizes are the limits of one answer.
type sizes struct {
	block        block.SZX
	write, align uint32
}

type profile struct {
	Profile
	sizes
}

// compile checks c and resolves what is inherited.
func (c Chunks) compile() (*policy, error) {
	base := Profile{BlockSize: defaultSize, WriteSize: defaultSize, Align: defaultAlign}
	base = Profile{BlockSize: c.BlockSize, WriteSize: c.WriteSize, Align: c.Align}.inherit(base)
	top, err := base.sizes()
	if err != nil {
		return nil, fmt.Errorf("chunks.coap.%w", err)
	}
	p := &policy{sizes: top}
	for i, pr := range c.Profiles {
		pr = pr.inherit(base)
		s, err := pr.sizes()
		if err != nil {
			return nil, fmt.Errorf("chunks.coap.profiles[%d].%w", i, err)
		}
		p.profiles = append(p.profiles, profile{pr, s})
	}
	return p, nil
}

// inherit takes from base the numbers that p leaves out.
func (p Profile) inherit(base Profile) Profile {
	for _, n := range []struct{ own, base *int }{
		{&p.BlockSize, &base.BlockSize}, {&p.WriteSize, &base.WriteSize}, {&p.Align, &base.Align},
	} {
		if *n.own == 0 {
			*n.own = *n.base
		}
	}
	return p
}

// sizes checks p. Its errors begin with the key.
func (p Profile) sizes() (sizes, error) {
	szx := block.ForSize(p.BlockSize)
	switch {
	case szx.Size() != p.BlockSize:
		return sizes{}, fmt.Errorf("block_size: %d is not 16, 32, 64 ... 1024", p.BlockSize)
	case p.WriteSize < 1 || p.WriteSize > defaultSize:
		return sizes{}, fmt.Errorf("write_size: %d is not within 1..%d", p.WriteSize, defaultSize)
	case p.Align < 1 || p.Align > p.WriteSize:
		return sizes{}, fmt.Errorf("align: %d is not within 1..%d, the write_size", p.Align, p.WriteSize)
	}
	for key, pattern := range map[string]string{"application": p.Application, "device": p.Device} {
		if _, err := path.Match(pattern, ""); err != nil {
			return sizes{}, fmt.Errorf("%s: %q is no pattern: %w", key, pattern, err)
		}
	}
	return sizes{szx, uint32(p.WriteSize), uint32(p.Align)}, nil
}

// of returns the sizes for a device, whose name is empty where none is known.
func (p *policy) of(peer netip.Addr, application, device []byte) sizes {
	for i := range p.profiles {
		if pr := &p.profiles[i]; pr.matches(peer, application, device) {
			return pr.sizes
		}
	}
	return p.sizes
}

func (p *Profile) matches(peer netip.Addr, application, device []byte) bool {
	return (!p.Subnet.IsValid() || p.Subnet.Contains(peer.Unmap().WithZone(""))) &&
		matches(p.Application, application) && matches(p.Device, device)
}

// matches reports whether name matches pattern. The string shares the bytes of
// name, which path.Match only reads: a conversion would allocate per request.
func matches(pattern string, name []byte) bool {
	if pattern == "" {
		return true
	}
	ok, _ := path.Match(pattern, unsafe.String(unsafe.SliceData(name), len(name)))
	return ok
}
