package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/lorawan/region"
)

// One sentinel per reaction of a caller.
var (
	// ErrUpdate: a parameter makes no sense.
	ErrUpdate = errors.New("no such update")
	// ErrTooLong: a message that must go into one frame does not fit at the data rate,
	// so the update can never end.
	ErrTooLong = errors.New("the update cannot be done at this data rate")
)

// Bounds of an Update.
const (
	maxSize    = 64 << 20
	maxDevices = 1_000_000
)

// Update is a firmware for class A devices that get their answers in RX1.
type Update struct {
	Size          int           `json:"size"` // of the firmware, bytes
	Region        string        `json:"region"`
	DR            int           `json:"data_rate"` // of the uplinks
	Devices       int           `json:"devices"`
	Interval      time.Duration `json:"-"`              // from uplink to uplink of a device
	VersionLength int           `json:"version_length"` // of the firmware and of what runs
}

// Estimate is how long an update takes at the least.
type Estimate struct {
	Update
	DownlinkDR int `json:"downlink_data_rate"`
	Payload    int `json:"payload"`   // most bytes of a downlink
	Writes     int `json:"writes"`    // downlinks with firmware, to one device
	Downlinks  int `json:"downlinks"` // Writes and the Swap: each answers an uplink

	DownlinkAirtimeS float64 `json:"downlink_airtime_s"` // of the longest Write
	UplinkAirtimeS   float64 `json:"uplink_airtime_s"`   // of the Status that asks for the last Write
	AirtimeS         float64 `json:"airtime_s"`          // of all downlinks to one device

	Limits []Limit `json:"limits"`
	OneS   float64 `json:"one_device_s"` // the slowest of the limits in force
	AllS   float64 `json:"all_devices_s"`
}

// Limit is one thing that an update must wait for, and how long the update takes if it
// waits for nothing else.
type Limit struct {
	Kind    Kind    `json:"limit"`
	Duty    float64 `json:"duty,omitempty"` // 1 = no limit
	InForce bool    `json:"in_force"`       // in the region; other limits are for comparison
	OneS    float64 `json:"one_device_s"`
	AllS    float64 `json:"all_devices_s"`
}

// Kind is what limits an update.
type Kind string

// The limits.
const (
	GatewayDuty Kind = "gateway_duty" // the radio gateway that all downlinks go through
	Interval    Kind = "interval"     // how often a device sends
	DeviceDuty  Kind = "device_duty"  // how often a device may send
)

// comparedDuties are in the estimate of every region: the duty cycles of RX1 and RX2 in
// EU868.
var comparedDuties = []float64{0.01, 0.1}

func (u Update) check() error {
	switch {
	case u.Size < 1 || u.Size > maxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", ErrUpdate, u.Size, maxSize)
	case u.Devices < 1 || u.Devices > maxDevices:
		return fmt.Errorf("%w: %d devices: want 1 to %d", ErrUpdate, u.Devices, maxDevices)
	case u.Interval <= 0:
		return fmt.Errorf("%w: interval %v: want more than 0", ErrUpdate, u.Interval)
	case u.VersionLength < 1 || u.VersionLength > firmware.MaxVersion:
		return fmt.Errorf("%w: version of %d bytes: want 1 to %d", ErrUpdate, u.VersionLength, firmware.MaxVersion)
	}
	return nil
}

// Estimate returns how long u takes. It fails with ErrUpdate, ErrTooLong, and
// the errors of package region.
func (u Update) Estimate() (*Estimate, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	rules, err := region.New(region.Config{Region: u.Region})
	if err != nil {
		return nil, err
	}
	e := &Estimate{Update: u}
	if e.DownlinkDR, err = rules.DownlinkDR(u.DR); err != nil {
		return nil, err
	}
	if e.Payload, err = rules.MaxDownlink(u.DR); err != nil {
		return nil, err
	}
	if err := e.uplink(rules); err != nil {
		return nil, err
	}
	if err := e.cut(rules); err != nil {
		return nil, err
	}
	return e, e.limit(rules)
}

// dwellTimes are the most that an uplink may be on the air, in the regions where a Status
// may take longer: in US915, an uplink at DR0 holds 11 bytes.
var dwellTimes = map[string]time.Duration{"US915": 400 * time.Millisecond}

// uplink adds the airtime of the longest Status.
func (e *Estimate) uplink(rules *region.Region) error {
	version := make([]byte, e.VersionLength)
	st := dfu.Status{
		Version: version, MTU: 255, Updating: true,
		Update: dfu.Progress{Version: version, Offset: uint32(e.Size)},
	}
	length := len(st.Append(nil))
	airtime, err := rules.UplinkAirtime(e.DR, length)
	if err != nil {
		return err
	}
	if most, limited := dwellTimes[e.Region]; limited && airtime > most {
		return fmt.Errorf("%w: a Status of %d bytes would be on the air for %v, %s allows %v; "+
			"raise the data rate", ErrTooLong, length, airtime.Round(time.Millisecond), e.Region, most)
	}
	e.UplinkAirtimeS = airtime.Seconds()
	return nil
}

// limit adds the limits of the update.
func (e *Estimate) limit(rules *region.Region) error {
	own, err := rules.DownlinkDuty()
	if err != nil {
		return err
	}
	duties := comparedDuties
	if !slices.Contains(duties, own) {
		duties = append(slices.Clone(duties), own)
	}
	for _, duty := range duties {
		one := e.AirtimeS / duty
		e.add(Limit{GatewayDuty, duty, duty == own, one, one * float64(e.Devices)})
	}
	interval := e.Interval.Seconds() * float64(e.Downlinks)
	e.add(Limit{Interval, 0, true, interval, interval})
	if own, err = rules.UplinkDuty(); err != nil {
		return err
	}
	asking := e.UplinkAirtimeS / own * float64(e.Downlinks)
	e.add(Limit{DeviceDuty, own, true, asking, asking})
	return nil
}

func (e *Estimate) add(l Limit) {
	e.Limits = append(e.Limits, l)
	if l.InForce {
		e.OneS, e.AllS = max(e.OneS, l.OneS), max(e.AllS, l.AllS)
	}
}
