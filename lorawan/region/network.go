package region

import "slices"

// MaxDR is the highest data rate: LinkADRReq has four bits for it.
const MaxDR = 15

// Network is the rules of a network whose devices may be in several regions: a
// server that names the region of an uplink (ChirpStack v4) may serve many. It is
// immutable and safe for concurrent use.
type Network struct {
	own     *Region
	regions map[string]*Region // by name, with the other parameters of the network
	sizes   []int              // payload limits of the own region, ascending
}

// NewNetwork returns the rules of a network that is in the region of c, unless an
// uplink says otherwise. It fails as New does.
func NewNetwork(c Config) (*Network, error) {
	own, err := New(c)
	if err != nil {
		return nil, err
	}
	n := &Network{own: own, regions: map[string]*Region{c.Region: own}, sizes: sizes(c)}
	for _, name := range names {
		if name == c.Region {
			continue
		}
		other := c
		other.Region, other.RX2DR, other.DownlinkDwellTime = name, nil, false
		if rules, err := New(other); err == nil {
			n.regions[name] = rules
		}
	}
	return n, nil
}

// sizes returns the payload limits that a region has at any data rate.
func sizes(c Config) (all []int) {
	c.Window = RX2
	for dr := range MaxDR + 1 {
		c.RX2DR = &dr
		rules, err := New(c)
		if err != nil {
			continue
		}
		if n, err := rules.MaxDownlink(0); err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Region returns the rules that the identifier of a region configuration stands for,
// see [ByConfigID]. An identifier that stands for none, or is empty, has the rules of
// the network's own region.
func (n *Network) Region(configID string) *Region {
	name, _ := ByConfigID(configID)
	if rules := n.regions[name]; rules != nil {
		return rules
	}
	return n.own
}

// Below returns the next payload limit below one that turned out to be too large;
// half of it where the own region knows no smaller one.
func (n *Network) Below(size int) int {
	i, _ := slices.BinarySearch(n.sizes, size)
	if i == 0 {
		return size / 2
	}
	return n.sizes[i-1]
}
