package lorawan

import (
	"havn/lorawan/plan"
	"havn/lorawan/region"
)

// goodputRates are the uplink data rates at which a Status fits into the uplink,
// by region.
var goodputRates = []struct {
	region      string
	first, last int
}{{siteRegion, 0, 5}, {"US915", 1, 4}, {"AS923", 0, 5}}

// The versions and offsets of the table: the longest version whose Swap fits at
// the slowest data rate of EU868, and either side of where offsets grow.
var (
	goodputVersions = []int{1, 5, 12}
	goodputOffsets  = []uint32{256, 1 << 16}
)

// goodput returns how much firmware a downlink carries, for each row of the
// table.
func goodput() (rows []plan.Goodput, err error) {
	for _, g := range goodputRates {
		rules, err := region.New(region.Config{Region: g.region})
		if err != nil {
			return nil, err
		}
		for dr := g.first; dr <= g.last; dr++ {
			if rows, err = goodputAt(rows, rules, dr); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func goodputAt(rows []plan.Goodput, rules *region.Region, dr int) ([]plan.Goodput, error) {
	for _, version := range goodputVersions {
		for _, offset := range goodputOffsets {
			row, err := plan.NewGoodput(rules, dr, version, offset)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
