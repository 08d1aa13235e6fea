package coap

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"havn/coap/block"
	"havn/fault"
	"havn/front"
)

// defaultSize is the largest block of CoAP, and the most data in one Write.
const defaultSize = 1024

// Chunks is how much firmware one answer carries. A number that is 0 has its
// default.
type Chunks struct {
	BlockSize int       `yaml:"block_size"` // largest block served: 16, 32, 64 ... 1024; default 1024
	WriteSize int       `yaml:"write_size"` // most data in one Write, bytes; default 1024
	Align     int       `yaml:"align"`      // flash word, bytes: Writes are multiples of it; default 4
	Profiles  []Profile `yaml:"profiles"`   // the first that matches replaces the numbers above
}

// Profile is a class of devices with chunk sizes of its own. It inherits the
// numbers of Chunks that it leaves out.
type Profile struct {
	front.Pattern `yaml:",inline"`

	BlockSize int `yaml:"block_size"`
	WriteSize int `yaml:"write_size"`
	Align     int `yaml:"align"`
}

// Validate returns what is wrong with c, in which no number is left out.
func (c Chunks) Validate() (faults fault.List) {
	base := c.base()
	faults.Below("", base.validate())
	if len(faults) > 0 {
		base = Chunks{}.WithDefaults().base() // one mistake is not repeated by each profile
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

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Chunks) WithDefaults() Chunks {
	c.BlockSize = cmp.Or(c.BlockSize, defaultSize)
	c.WriteSize = cmp.Or(c.WriteSize, defaultSize)
	c.Align = cmp.Or(c.Align, front.DefaultAlign)
	return c
}

// inherit takes from base the numbers that p leaves out.
func (p Profile) inherit(base Profile) Profile {
	p.BlockSize = cmp.Or(p.BlockSize, base.BlockSize)
	p.WriteSize = cmp.Or(p.WriteSize, base.WriteSize)
	p.Align = cmp.Or(p.Align, base.Align)
	return p
}

func (p Profile) validate() (faults fault.List) {
	faults.Below("", p.Pattern.Validate())
	if block.ForSize(p.BlockSize).Size() != p.BlockSize {
		faults.Add("block_size", "%d is not a block size: want 16, 32, 64, 128, 256, 512 or 1024", p.BlockSize)
	}
	faults.Below("", p.chunks().Validate(defaultSize))
	return faults
}

func (p Profile) chunks() front.Chunks { return front.Chunks{WriteSize: p.WriteSize, Align: p.Align} }

// policy is Chunks, ready for use: the profiles in their order, and then what is
// for all others.
type policy []profile

// profile is a Profile, ready for use.
type profile struct {
	front.Pattern
	block block.SZX
	write front.Chunks
}

// compile checks c and resolves what is inherited.
func (c Chunks) compile() (policy, error) {
	c = c.WithDefaults()
	if err := c.Validate().Err(); err != nil {
		return nil, fmt.Errorf("coap: chunks: %w", err)
	}
	var p policy
	for _, pr := range append(slices.Clone(c.Profiles), c.base()) {
		pr = pr.inherit(c.base())
		p = append(p, profile{pr.Pattern, block.ForSize(pr.BlockSize), pr.chunks()})
	}
	return p, nil
}

// of returns the profile of a device, whose name is empty where none is known.
func (p policy) of(peer netip.Addr, application, device []byte) *profile {
	last := len(p) - 1
	for i := range p[:last] {
		if p[i].Matches(peer, application, device) {
			return &p[i]
		}
	}
	return &p[last]
}

// profile returns the sizes for a device, whose names are nil where none is known.
func (x *exchange) profile(application, device []byte) *profile {
	return x.h.chunks.Load().of(x.peer.Addr.Addr(), application, device)
}
