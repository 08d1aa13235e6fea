package coap

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"unsafe"

	"havn/coap/block"
	"havn/fault"
	"havn/update"
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
	if !validName([]byte(c.Application)) {
		faults.Add("application", "%q: %v", c.Application, errName)
	}
	return faults
}

func (c Config) withDefaults() Config {
	c.Application = cmp.Or(c.Application, "default")
	return c
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

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() (faults fault.List) {
	base := c.base()
	faults.Below("", base.validate())
	if len(faults) > 0 {
		base = Chunks{}.withDefaults().base() // one mistake is not repeated by each profile
	}
	for i, p := range c.Profiles {
		faults.Below(fault.At("profiles", i), p.inherit(base).validate())
	}
	return faults
}

// base returns what c says of devices without a profile.
func (c Chunks) base() Profile {
	return Profile{BlockSize: c.BlockSize, WriteSize: c.WriteSize, Align: c.Align}
}

func (c Chunks) withDefaults() Chunks {
	c.BlockSize = cmp.Or(c.BlockSize, defaultSize)
	c.WriteSize = cmp.Or(c.WriteSize, defaultSize)
	c.Align = cmp.Or(c.Align, defaultAlign)
	return c
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
	c = c.withDefaults()
	if err := c.Validate().Err(); err != nil {
		return nil, fmt.Errorf("coap: chunks: %w", err)
	}
	p := &policy{sizes: c.base().sizes()}
	for _, pr := range c.Profiles {
		pr = pr.inherit(c.base())
		p.profiles = append(p.profiles, profile{pr, pr.sizes()})
	}
	return p, nil
}

// inherit takes from base the numbers that p leaves out.
func (p Profile) inherit(base Profile) Profile {
	p.BlockSize = cmp.Or(p.BlockSize, base.BlockSize)
	p.WriteSize = cmp.Or(p.WriteSize, base.WriteSize)
	p.Align = cmp.Or(p.Align, base.Align)
	return p
}

func (p Profile) validate() (faults fault.List) {
	faults.Pattern("application", p.Application)
	faults.Pattern("device", p.Device)
	if block.ForSize(p.BlockSize).Size() != p.BlockSize {
		faults.Add("block_size", "%d is not a block size: want 16, 32, 64, 128, 256, 512 or 1024", p.BlockSize)
	}
	update.CheckWrite(&faults, p.WriteSize, defaultSize, p.Align)
	update.CheckAlign(&faults, p.Align)
	return faults
}

// sizes returns the limits that a valid profile sets.
func (p Profile) sizes() sizes {
	return sizes{block.ForSize(p.BlockSize), uint32(p.WriteSize), uint32(p.Align)}
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
