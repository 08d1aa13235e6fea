package lorawan

import (
	"fmt"
	"slices"

	"havn/lorawan/event"
	"havn/lorawan/region"
)

// radio is the rules of a network, for every region that it may turn out to
// be in.
type radio struct {
	own     *region.Region
	regions map[string]*region.Region // by name, with the other parameters of the network
	sizes   []int                     // payload limits of the own region, ascending
}

func newRadio(c region.Config) (radio, error) {
	own, err := region.New(c)
	if err != nil {
		return radio{}, err
	}
	r := radio{own: own, regions: map[string]*region.Region{c.Region: own}, sizes: sizes(c)}
	for _, name := range region.Names() {
		if name == c.Region {
			continue
		}
		other := c
		other.Region, other.RX2DR, other.DownlinkDwellTime = name, nil, false
		if rules, err := region.New(other); err == nil {
			r.regions[name] = rules
		}
	}
	return r, nil
}

// sizes returns the payload limits that a region has at any data rate.
func sizes(c region.Config) (all []int) {
	c.Window = region.RX2
	for dr := range maxDR + 1 {
		c.RX2DR = &dr
		rules, err := region.New(c)
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

// below returns the next limit below one that turned out to be too large; half
// of it where the region knows no smaller one.
func (r *radio) below(size int) int {
	i, _ := slices.BinarySearch(r.sizes, size)
	if i == 0 {
		return size / 2
	}
	return r.sizes[i-1]
}

// of returns the rules for the answer to an uplink. Its error is
// region.ErrDataRate or ErrTag.
func (r *radio) of(up *event.Uplink) (*region.Region, error) {
	rules := r.own
	if name, ok := region.ByConfigID(up.Region); ok && r.regions[name] != nil {
		rules = r.regions[name]
	}
	if !up.Overrides.RX1DROffset.Set {
		return rules, nil
	}
	rules, err := rules.WithRX1DROffset(int(up.Overrides.RX1DROffset.Value))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", event.ErrTag, err)
	}
	return rules, nil
}
