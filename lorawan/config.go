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

// expires reports whether the server drops a downlink that has expired.
func (s Server) expires() bool { return s == ChirpStackV4 }

// replaces reports whether a downlink can take the place of what is queued.
func (s Server) replaces() bool { return s == TheThingsStack }

// What the gateway calls a device.
const (
	ByName   = "name"    // by its name in the network server; the default
	ByDevEUI = "dev_eui" // for networks where names are not unique
)

// defaultFPort carries Statuses where the configuration names no FPort.
const defaultFPort = 223

// Config is one network: a network server, its broker and its radio rules. Name,
// Server, MQTT, Application and Radio.Region must be set.
type Config struct {
	Name   string      `yaml:"name"` // of the network in logs and metrics
	Server Server      `yaml:"server"`
	MQTT   mqtt.Config `yaml:"mqtt"`

	ApplicationIDs []string `yaml:"application_ids"` // IDs in the server whose devices are answered; empty = all
	Application    string   `yaml:"application"`     // of all these devices, in the gateway
	DeviceName     string   `yaml:"device_name"`     // ByName or ByDevEUI
	// FPorts carry Statuses; empty = 223. The first FPort is for firmware alone. On
	// the others, a payload that is no Status is telemetry.
	FPorts []int `yaml:"fports"`

	Radio region.Config `yaml:",inline"`

	UplinkTopic   string `yaml:"uplink_topic"`   // template of events; empty = the server's own
	DownlinkTopic string `yaml:"downlink_topic"` // template of commands

	// AirtimeBudget is the share of an hour that the network's downlinks may be on
	// the air. When it is used up, no further device starts to update. 0 = no limit.
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
	faults.Below("", c.Radio.Validate())
	if !(c.AirtimeBudget >= 0 && c.AirtimeBudget <= 1) {
		faults.Add("airtime_budget", "%v: want a share of an hour, 0 to 1", c.AirtimeBudget)
	}
	return faults
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Config) WithDefaults() Config {
	c.DeviceName = cmp.Or(c.DeviceName, ByName)
	if len(c.FPorts) == 0 {
		c.FPorts = []int{defaultFPort}
	}
	return c
}

// deviceName returns what the gateway calls a device.
func (c Config) deviceName(d event.Device) string {
	if d.Name != "" && (c.DeviceName == ByName || d.EUI == event.DevEUI{}) {
		return d.Name
	}
	return d.EUI.String()
}

// Shard is the share of the devices that this gateway answers, where several
// gateways are on one broker. The zero value is all devices.
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
