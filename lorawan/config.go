package lorawan

import (
	"cmp"
	"hash/fnv"

	"havn/fault"
	"havn/link/mqtt"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Server is a kind of network server, as the configuration calls it.
type Server string

// The network servers.
const (
	ChirpStackV3   Server = "chirpstack-v3"
	ChirpStackV4   Server = "chirpstack-v4"
	TheThingsStack Server = "thethingsstack"
)

// expires reports whether the server drops a downlink after its Expires.
func (s Server) expires() bool { return s == ChirpStackV4 }

// replaces reports whether a downlink can take the place of what is queued.
func (s Server) replaces() bool { return s == TheThingsStack }

// What a device is called in the gateway.
const (
	ByName   = "name"    // as in the network server; the default
	ByDevEUI = "dev_eui" // where names are not unique
)

// defaultFPort is that of the device family.
const defaultFPort = 223

// Config is one network: a network server, its broker and its radio rules. Its
// zero value but Name, Server, MQTT, Application and Region is usable.
type Config struct {
	Name   string      `yaml:"name"` // in logs and metrics
	Server Server      `yaml:"server"`
	MQTT   mqtt.Config `yaml:"mqtt"`

	ApplicationIDs []string `yaml:"application_ids"` // of the server, that are answered; empty = all
	Application    string   `yaml:"application"`     // that their devices belong to in the gateway
	DeviceName     string   `yaml:"device_name"`     // ByName or ByDevEUI
	// FPorts that carry Statuses; empty = 223. The first is for firmware alone.
	// On the others, what is no Status is telemetry.
	FPorts []int `yaml:"fports"`

	Region            string        `yaml:"region"`              // EU868 ...; v4 tells better
	MACVersion        string        `yaml:"mac_version"`         // of the devices; empty = 1.0.3
	RegParams         string        `yaml:"reg_params"`          // of the devices; empty = A
	Repeater          bool          `yaml:"repeater"`            // repeater_compatible of the server
	DownlinkDwellTime bool          `yaml:"downlink_dwell_time"` // 400 ms, AS923 and AU915 only
	RX1DROffset       int           `yaml:"rx1_dr_offset"`
	Window            region.Window `yaml:"window"` // empty = rx1
	RX2DR             *int          `yaml:"rx2_dr"` // unset = as the region has it

	UplinkTopic   string `yaml:"uplink_topic"`   // template of events; empty = the server's own
	DownlinkTopic string `yaml:"downlink_topic"` // template of commands

	// AirtimeBudget is the share of an hour that the network's downlinks may be on
	// the air; beyond, no further device starts to update. 0 = no limit.
	AirtimeBudget float64 `yaml:"airtime_budget"`
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.Present("name", c.Name)
	faults.Choice("server", string(c.Server), string(ChirpStackV3), string(ChirpStackV4), string(TheThingsStack))
	faults.Below("mqtt", c.MQTT.Validate())
	faults.Present("application", c.Application)
	faults.Choice("device_name", cmp.Or(c.DeviceName, ByName), ByName, ByDevEUI)
	for i, p := range c.FPorts {
		faults.Number(fault.At("fports", i), p, event.MinFPort, event.MaxFPort)
	}
	faults.Below("", c.Radio().Validate())
	if !(c.AirtimeBudget >= 0 && c.AirtimeBudget <= 1) {
		faults.Add("airtime_budget", "%v: want a share of an hour, 0 to 1", c.AirtimeBudget)
	}
	return faults
}

// Radio returns the radio rules of the network, which a codec may need too.
func (c Config) Radio() region.Config {
	return region.Config{
		Region: c.Region, MACVersion: c.MACVersion, RegParams: c.RegParams, Repeater: c.Repeater,
		DownlinkDwellTime: c.DownlinkDwellTime, RX1DROffset: c.RX1DROffset,
		Window: c.Window, RX2DR: c.RX2DR,
	}
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Config) WithDefaults() Config {
	c.DeviceName = cmp.Or(c.DeviceName, ByName)
	if len(c.FPorts) == 0 {
		c.FPorts = []int{defaultFPort}
	}
	return c
}

// deviceName returns what a device is called in the gateway.
func (c Config) deviceName(d event.Device) string {
	if d.Name != "" && (c.DeviceName == ByName || d.EUI == event.DevEUI{}) {
		return d.Name
	}
	return d.EUI.String()
}

// Shard is the share of the devices that this gateway answers, when several
// are on one broker. Its zero value is all of them.
type Shard struct {
	Index int `yaml:"index"` // from 0
	Of    int `yaml:"of"`    // gateways; 0 and 1 = this one only
}

// Validate returns what is wrong with s.
func (s Shard) Validate() (faults fault.List) {
	faults.Number("index", s.Index, 0, max(s.Of, 1)-1)
	if s.Of < 0 {
		faults.Add("of", "%d: want the number of gateways on the broker", s.Of)
	}
	return faults
}

// Mine reports whether the device is in the share: FNV-1a of the DevEUI's eight
// bytes, or of the name of a device that has none, modulo Of.
func (s Shard) Mine(d event.Device) bool { return s.Of <= 1 || int(hash(d)%uint32(s.Of)) == s.Index }

func hash(d event.Device) uint32 {
	h := fnv.New32a()
	if d.EUI == (event.DevEUI{}) {
		h.Write([]byte(d.Name))
	} else {
		h.Write(d.EUI[:])
	}
	return h.Sum32()
}
