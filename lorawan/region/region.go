package region

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brocaar/lorawan"
	"github.com/brocaar/lorawan/band"
)

// One sentinel per reaction of a caller.
var (
	// ErrRegion: there is no region of that name.
	ErrRegion = errors.New("unknown LoRaWAN region")
	// ErrDataRate: the region does not define that data rate for that use.
	ErrDataRate = errors.New("no such data rate")
)

// Window is the receive window that answers are sized for.
type Window string

// The windows that a network may use.
const (
	RX1    Window = "rx1"     // class A, first window; the default
	RX2    Window = "rx2"     // class A, second window only
	Both   Window = "rx1+rx2" // RX1, but fit for RX2 as well, should the radio gateway fall back to it
	ClassC Window = "class_c" // at any time, with the parameters of RX2
)

// Config is the radio parameters of a network, or of one device in it.
type Config struct {
	Region            string // EU868, US915, AS923-2 ...: see Names
	MACVersion        string // of the device profile; empty = "1.0.3"
	RegParams         string // revision of the regional parameters; empty = "A"
	Repeater          bool   // frames must leave room for a repeater's header
	DownlinkDwellTime bool   // downlinks are limited to 400 ms; AS923 and AU915 only
	RX1DROffset       int    // data rates that RX1 is slower than the uplink
	Window            Window // empty = RX1
	RX2DR             *int   // data rate of RX2; nil = the region's default
}

// Defaults of Config, and what it may hold. The library takes an unknown
// version for the latest; a typo must not choose a frame size.
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
	windows = []Window{RX1, RX2, Both, ClassC}
)

// Region is the radio rules of one network.
type Region struct {
	cfg  Config
	band band.Band
	rx2  int
}

// New checks c and returns its rules. Errors name the parameter that is wrong;
// an unknown region is ErrRegion.
func New(c Config) (*Region, error) {
	c.fill()
	if err := c.check(); err != nil {
		return nil, err
	}
	dwell := lorawan.DwellTimeNoLimit
	if c.DownlinkDwellTime {
		dwell = lorawan.DwellTime400ms
	}
	b, err := band.GetConfig(band.Name(c.Region), c.Repeater, dwell)
	if err != nil {
		return nil, fmt.Errorf("region %s: %w", c.Region, err)
	}
	r := &Region{band: b, rx2: b.GetDefaults().RX2DataRate}
	if c.RX2DR != nil {
		r.rx2 = *c.RX2DR
	}
	if !r.defined(r.rx2, downlink) {
		return nil, fmt.Errorf("region %s: RX2 at DR%d: %w for downlinks", c.Region, r.rx2, ErrDataRate)
	}
	return r.with(c)
}

func (c *Config) fill() {
	if c.MACVersion == "" {
		c.MACVersion = defaultMACVersion
	}
	if c.RegParams == "" {
		c.RegParams = defaultRegParams
	}
	if c.Window == "" {
		c.Window = RX1
	}
}

func (c *Config) check() error {
	switch {
	case !slices.Contains(names, c.Region):
		return fmt.Errorf("%w %q: known are %s", ErrRegion, c.Region, strings.Join(names, ", "))
	case !slices.Contains(macVersions, c.MACVersion):
		return fmt.Errorf("region %s: unknown MAC version %q: known are %s",
			c.Region, c.MACVersion, strings.Join(macVersions, ", "))
	case !slices.Contains(regParams, c.RegParams):
		return fmt.Errorf("region %s: unknown revision of the regional parameters %q: known are %s",
			c.Region, c.RegParams, strings.Join(regParams, ", "))
	case !slices.Contains(windows, c.Window):
		return fmt.Errorf("region %s: unknown receive window %q: known are %v",
			c.Region, c.Window, windows)
	case c.DownlinkDwellTime && !strings.HasPrefix(c.Region, "AS923") && c.Region != "AU915":
		return fmt.Errorf("region %s: a downlink dwell time exists only in AS923 and AU915", c.Region)
	}
	return nil
}

// WithRX1DROffset returns the same rules for a device with another offset.
func (r *Region) WithRX1DROffset(offset int) (*Region, error) {
	c := r.cfg
	c.RX1DROffset = offset
	return r.with(c)
}

// with returns r with the configuration c, whose offset is checked.
func (r *Region) with(c Config) (*Region, error) {
	if c.RX1DROffset < 0 {
		return nil, fmt.Errorf("region %s: RX1 data rate offset %d is negative", c.Region, c.RX1DROffset)
	}
	if _, err := r.band.GetRX1DataRateIndex(0, c.RX1DROffset); err != nil {
		return nil, fmt.Errorf("region %s: RX1 data rate offset %d is not defined",
			c.Region, c.RX1DROffset)
	}
	return &Region{cfg: c, band: r.band, rx2: r.rx2}, nil
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
