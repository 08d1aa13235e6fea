package region

import (
	"fmt"

	"github.com/brocaar/lorawan/band"
)

// DataRate is a data rate by its modulation, as The Things Stack reports it. LoRa has a
// spreading factor and a bandwidth, FSK a bit rate, LR-FHSS a coding rate and a channel
// width.
type DataRate struct {
	SpreadingFactor int
	Bandwidth       int    // Hz
	BitRate         int    // bit/s
	CodingRate      string // "1/3" or "2/3"
	ChannelWidth    int    // Hz
}

// UplinkDR returns the index of an uplink data rate.
func (r *Region) UplinkDR(d DataRate) (int, error) {
	dr, err := r.band.GetDataRateIndex(uplink, d.band())
	if err != nil {
		return 0, fmt.Errorf("region %s: %w: uplink at %s: is this the region of the network?",
			r.cfg.Region, ErrDataRate, d)
	}
	return dr, nil
}

// String returns the usual short form, like SF12/125.
func (d DataRate) String() string {
	switch {
	case d.BitRate > 0:
		return fmt.Sprintf("FSK %d bit/s", d.BitRate)
	case d.ChannelWidth > 0:
		return fmt.Sprintf("LR-FHSS %s in %d Hz", d.CodingRate, d.ChannelWidth)
	}
	return fmt.Sprintf("SF%d/%d", d.SpreadingFactor, d.Bandwidth/1000)
}

func (d DataRate) band() band.DataRate {
	switch {
	case d.BitRate > 0:
		return band.DataRate{Modulation: band.FSKModulation, BitRate: d.BitRate}
	case d.ChannelWidth > 0:
		rate := d.CodingRate
		if rate == "2/3" {
			rate = "4/6" // as the library spells it
		}
		return band.DataRate{
			Modulation: band.LRFHSSModulation, CodingRate: rate, OccupiedChannelWidth: d.ChannelWidth,
		}
	}
	return band.DataRate{
		Modulation: band.LoRaModulation, SpreadFactor: d.SpreadingFactor, Bandwidth: d.Bandwidth / 1000,
	}
}

// The directions of a data rate, as the library takes them.
const (
	uplink   = true
	downlink = false
)

// defined reports whether dr is a data rate of a direction. The library does not tell the
// direction of an index, but it looks for the index of a modulation in one direction.
func (r *Region) defined(dr int, up bool) bool {
	rate, err := r.band.GetDataRate(dr)
	if err != nil {
		return false
	}
	index, err := r.band.GetDataRateIndex(up, rate)
	return err == nil && index == dr
}
