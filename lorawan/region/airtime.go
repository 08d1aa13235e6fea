package region

import (
	"time"

	"github.com/brocaar/lorawan/airtime"
	"github.com/brocaar/lorawan/band"
)

// Overhead is what a data frame adds to its FRMPayload: MHDR 1, FHDR 7 without
// FOpts, FPort 1, MIC 4 (LoRaWAN 1.0.x section 4).
const Overhead = 13

const (
	preamble = 8 // symbols
	crc      = 2 // bytes at the end of an uplink; downlinks have none

	// optimizeFrom is the symbol duration from which on radios use the low data rate
	// optimization: that of SF11 at 125 kHz.
	optimizeFrom = 16 * time.Millisecond

	fskOverhead = 5 + 3 + 1 + crc // preamble, sync word, length, CRC; both directions
)

// UplinkAirtime returns how long an uplink of payload bytes at dr is on the air.
func (r *Region) UplinkAirtime(dr, payload int) (time.Duration, error) {
	return r.airtime(dr, uplink, payload+Overhead)
}

// DownlinkAirtime returns how long a downlink of payload bytes at dr is on the
// air.
func (r *Region) DownlinkAirtime(dr, payload int) (time.Duration, error) {
	return r.airtime(dr, downlink, payload+Overhead)
}

func (r *Region) airtime(dr int, up bool, frame int) (time.Duration, error) {
	rate, err := r.band.GetDataRate(dr)
	switch {
	case err != nil || !r.defined(dr, up):
		return 0, r.unknown("time on air", dr)
	case rate.Modulation == band.FSKModulation:
		return time.Duration(frame+fskOverhead) * 8 * time.Second / time.Duration(rate.BitRate), nil
	case rate.Modulation != band.LoRaModulation || r.band.Name() == string(band.ISM2400):
		return 0, r.unknown("time on air of LR-FHSS or at 2.4 GHz", dr)
	}
	if !up {
		frame -= crc // the library counts the CRC of an uplink
	}
	optimize := airtime.CalculateLoRaSymbolDuration(rate.SpreadFactor, rate.Bandwidth) >= optimizeFrom
	return airtime.CalculateLoRaAirtime(
		frame, rate.SpreadFactor, rate.Bandwidth, preamble, airtime.CodingRate45, true, optimize)
}
