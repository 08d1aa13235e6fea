package region

import (
	"fmt"
	"time"
)

// subBand is a range of frequencies with its duty cycle.
type subBand struct {
	from, to uint32 // Hz, both included
	share    float64
}

// dutyCycles holds the regions with a duty cycle. Other regions limit dwell time or
// power, or require to listen before talking. For a region in which each country has a
// law of its own, the value is the 1 % that LoRaWAN asks for on the default channels.
var dutyCycles = map[string][]subBand{
	"EU868": {
		{863_000_000, 865_000_000, 0.001},
		{865_000_000, 868_000_000, 0.01},
		{868_000_000, 868_600_000, 0.01},
		{868_700_000, 869_200_000, 0.001},
		{869_400_000, 869_650_000, 0.1},
		{869_700_000, 870_000_000, 0.01},
	},
	"EU433":   {{433_050_000, 434_790_000, 0.01}},
	"CN779":   {{779_000_000, 787_000_000, 0.01}},
	"RU864":   {{864_000_000, 870_000_000, 0.01}},
	"AS923":   {{915_000_000, 928_000_000, 0.01}},
	"AS923-2": {{915_000_000, 928_000_000, 0.01}},
	"AS923-3": {{915_000_000, 928_000_000, 0.01}},
	"AS923-4": {{915_000_000, 928_000_000, 0.01}},
}

// DutyCycle returns the share of time that a sender may be on the air at a
// frequency. 1 means that there is no limit.
func (r *Region) DutyCycle(frequency uint32) (float64, error) {
	bands, limited := dutyCycles[r.cfg.Region]
	if !limited {
		return 1, nil
	}
	for _, b := range bands {
		if b.from <= frequency && frequency <= b.to {
			return b.share, nil
		}
	}
	return 0, fmt.Errorf("region %s: %d Hz is outside its sub-bands", r.cfg.Region, frequency)
}

// UplinkDuty returns the duty cycle of a device on the region's default
// channels.
func (r *Region) UplinkDuty() (float64, error) {
	channel, err := r.band.GetUplinkChannel(0)
	if err != nil {
		return 0, fmt.Errorf("region %s: default channel: %w", r.cfg.Region, err)
	}
	return r.DutyCycle(channel.Frequency)
}

// DownlinkDuty returns the duty cycle of a radio gateway in the window of the answers:
// that of the default channels for RX1, and that of the default frequency of RX2 for RX2
// and class C.
func (r *Region) DownlinkDuty() (float64, error) {
	if r.cfg.Window == RX2 || r.cfg.Window == ClassC {
		return r.DutyCycle(r.band.GetDefaults().RX2Frequency)
	}
	channel, err := r.band.GetDownlinkChannel(0)
	if err != nil {
		return 0, fmt.Errorf("region %s: default channel: %w", r.cfg.Region, err)
	}
	return r.DutyCycle(channel.Frequency)
}

// MinInterval returns the least time between the starts of two frames of an airtime, for
// a sender that keeps a duty cycle.
func MinInterval(airtime time.Duration, duty float64) time.Duration {
	return time.Duration(float64(airtime) / duty)
}
