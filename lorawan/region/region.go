package region

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brocaar/lorawan"
	"github.com/brocaar/lorawan/band"

	"havn/fault"
)

// One sentinel per reaction of a caller.
var (
	// ErrRegion: there is no region of that name.
	ErrRegion = errors.New("unknown LoRaWAN region")
	// ErrDataRate: the region does not define that data rate for that use.
	ErrDataRate = errors.New("no such data rate")
)

// Window is the receive window in which a network sends answers.
type Window string

// The windows that a network may use.
const (
	RX1    Window = "rx1"     // class A, first window; the default
	RX2    Window = "rx2"     // class A, second window only
	Both   Window = "rx1+rx2" // RX1, or RX2 where RX1 is not possible: the answer fits both
	ClassC Window = "class_c" // at any time, with the parameters of RX2
)

// Config is the radio parameters of a network.
type Config struct {
	Region            string `yaml:"region"`              // EU868, US915, AS923-2 ...: see Names
	MACVersion        string `yaml:"mac_version"`         // of the devices; empty = "1.0.3"
	RegParams         string `yaml:"reg_params"`          // revision of the regional parameters; empty = "A"
	Repeater          bool   `yaml:"repeater"`            // frames must leave room for a repeater's header
	DownlinkDwellTime bool   `yaml:"downlink_dwell_time"` // downlinks take 400 ms at most; AS923 and AU915 only
	RX1DROffset       int    `yaml:"rx1_dr_offset"`       // data rates that RX1 is slower than the uplink
	Window            Window `yaml:"window"`              // empty = RX1
	RX2DR             *int   `yaml:"rx2_dr"`              // data rate of RX2; unset = the region's default
}

// Defaults of Config, and its valid values. The library takes an unknown version for the
// latest one, and a typo must not choose a frame size.
const (
	defaultMACVersion = band.LoRaWAN_1_0_3
	defaultRegParams  = band.RegParamRevA
)

var (
	macVersions = []string{
		band.LoRaWAN_1_0_0, band.LoRaWAN_1_0_1, band.LoRaWAN_1_0_2, band.LoRaWAN_1_0_3,
		band.LoRaWAN_1_0_4, band.LoRaWAN_1_1_0,
	}
	regParams = []string{
		band.RegParamRevA, band.RegParamRevB, band.RegParamRevC, band.RegParamRevRP002_1_0_0,
		band.RegParamRevRP002_1_0_1, band.RegParamRevRP002_1_0_2, band.RegParamRevRP002_1_0_3,
	}
	windows = []string{string(RX1), string(RX2), string(Both), string(ClassC)}
)

// Region is the radio rules of one network.
type Region struct {
	cfg  Config
	band band.Band
	rx2  int
}

// New returns the rules for c. It fails if c does not validate, and with ErrRegion if the
// region is unknown.
func New(c Config) (*Region, error) {
	if !slices.Contains(names, c.Region) {
		return nil, fmt.Errorf("%w %q: known are %s", ErrRegion, c.Region, strings.Join(names, ", "))
	}
	c.fill()
	if err := c.Validate().Err(); err != nil {
		return nil, fmt.Errorf("region %s: %w", c.Region, err)
	}
	return c.region()
}

// Validate returns what is wrong with c. Its keys are those of a network in the
// configuration.
func (c Config) Validate() (faults fault.List) {
	c.fill()
	faults.Choice("mac_version", c.MACVersion, macVersions...)
	faults.Choice("reg_params", c.RegParams, regParams...)
	faults.Choice("window", string(c.Window), windows...)
	if !slices.Contains(names, c.Region) {
		faults.Add("region", "%q: want %s", c.Region, fault.OneOf(names))
		return faults
	}
	if c.DownlinkDwellTime && !strings.HasPrefix(c.Region, "AS923") && c.Region != "AU915" {
		faults.Add("downlink_dwell_time", "%s has none: it exists only in AS923 and AU915", c.Region)
		c.DownlinkDwellTime = false
	}
	r, err := c.region()
	if err != nil {
		faults.Add("region", "%v", err)
		return faults
	}
	if !r.defined(r.rx2, downlink) {
		faults.Add("rx2_dr", "%d is no data rate of downlinks in %s", r.rx2, c.Region)
	}
	if err := r.checkOffset(c.RX1DROffset); err != nil {
		faults.Add("rx1_dr_offset", "%v", err)
	}
	return faults
}

// region returns the rules for c, of which only the region was checked.
func (c Config) region() (*Region, error) {
	dwell := lorawan.DwellTimeNoLimit
	if c.DownlinkDwellTime {
		dwell = lorawan.DwellTime400ms
	}
	b, err := band.GetConfig(band.Name(c.Region), c.Repeater, dwell)
	if err != nil {
		return nil, err
	}
	r := &Region{cfg: c, band: b, rx2: b.GetDefaults().RX2DataRate}
	if c.RX2DR != nil {
		r.rx2 = *c.RX2DR
	}
	return r, nil
}

func (c *Config) fill() {
	c.MACVersion = cmp.Or(c.MACVersion, defaultMACVersion)
	c.RegParams = cmp.Or(c.RegParams, defaultRegParams)
	c.Window = cmp.Or(c.Window, RX1)
}

// WithRX1DROffset returns the rules of r for a device with another offset.
func (r *Region) WithRX1DROffset(offset int) (*Region, error) {
	if err := r.checkOffset(offset); err != nil {
		return nil, fmt.Errorf("region %s: rx1_dr_offset: %w", r.cfg.Region, err)
	}
	c := r.cfg
	c.RX1DROffset = offset
	return &Region{cfg: c, band: r.band, rx2: r.rx2}, nil
}

func (r *Region) checkOffset(offset int) error {
	defined := offset >= 0 // else the library panics
	if defined {
		_, err := r.band.GetRX1DataRateIndex(0, offset)
		defined = err == nil
	}
	if !defined {
		return fmt.Errorf("%d is no offset of RX1 data rates in %s", offset, r.cfg.Region)
	}
	return nil
}

// Name returns the name of the region, like "EU868".
func (r *Region) Name() string { return r.cfg.Region }

// DownlinkDR returns the data rate of the answer to an uplink at uplinkDR.
func (r *Region) DownlinkDR(uplinkDR int) (int, error) {
	if !r.defined(uplinkDR, uplink) {
		return 0, r.unknown("uplink", uplinkDR)
	}
	if r.cfg.Window == RX2 || r.cfg.Window == ClassC {
		return r.rx2, nil
	}
	dr, err := r.band.GetRX1DataRateIndex(uplinkDR, r.cfg.RX1DROffset)
	if err != nil || !r.defined(dr, downlink) {
		return 0, r.unknown("RX1 after an uplink", uplinkDR)
	}
	return dr, nil
}

// MaxDownlink returns how many bytes the answer to an uplink at uplinkDR may
// carry, before MAC commands take their share. 0 means that dwell time leaves
// room for none.
func (r *Region) MaxDownlink(uplinkDR int) (int, error) {
	dr, err := r.DownlinkDR(uplinkDR)
	if err != nil {
		return 0, err
	}
	limit, err := r.maxPayload(dr)
	if err != nil || r.cfg.Window != Both {
		return limit, err
	}
	rx2, err := r.maxPayload(r.rx2)
	return min(limit, rx2), err
}

func (r *Region) maxPayload(dr int) (int, error) {
	size, err := r.band.GetMaxPayloadSizeForDataRateIndex(r.cfg.MACVersion, r.cfg.RegParams, dr)
	if err != nil {
		return 0, r.unknown("downlink", dr)
	}
	return size.N, nil
}

func (r *Region) unknown(use string, dr int) error {
	return fmt.Errorf("region %s (LoRaWAN %s, regional parameters %s): %w: %s at DR%d",
		r.cfg.Region, r.cfg.MACVersion, r.cfg.RegParams, ErrDataRate, use, dr)
}
