package bench

import (
	"context"
	"fmt"
	"time"

	"havn/bench/backend"
	"havn/dfu"
	"havn/firmware"
	"havn/gateway/config"
	"havn/upstream/drogue/registry/rest"
	"havn/upstream/oci"
)

// GatewayCost is what a campaign cost with the gateway, as it was counted. All
// of it is over the site's link.
type GatewayCost struct {
	BlobFetches   uint64       `json:"blob_fetches"` // of the firmware, for all devices
	Events        int          `json:"events"`       // of all devices
	EventsMean    float64      `json:"events_mean"`  // per device
	EventsMax     int          `json:"events_max"`   // of one device
	Servers       []ServerCost `json:"servers"`
	Total         Traffic      `json:"total"` // of all servers
	UpPerDevice   float64      `json:"up_bytes_per_device"`
	DownPerDevice float64      `json:"down_bytes_per_device"`
}

// ServerCost is what one server was asked, and what that took.
type ServerCost struct {
	Server backend.Server `json:"server"`
	// Requests are HTTP requests by method and resource, or MQTT packets that
	// came to the server by type.
	Requests map[string]uint64 `json:"requests"`
	Traffic
}

// cost returns what the campaign has cost so far.
func (c *campaign) cost() (g GatewayCost) {
	counted := c.meters.traffic()
	for _, server := range []backend.Server{backend.Images, backend.Registry, backend.Endpoint} {
		s := ServerCost{server, c.backend.Requests(server), counted[server]}
		g.Servers = append(g.Servers, s)
		g.Total = g.Total.plus(s.Traffic)
	}
	g.BlobFetches = g.Servers[0].Requests["GET blobs"]
	for _, d := range c.devices {
		n := c.backend.Events(d.name.Name)
		g.Events += n
		g.EventsMax = max(g.EventsMax, n)
	}
	devices := float64(c.Devices)
	g.EventsMean = float64(g.Events) / devices
	g.UpPerDevice, g.DownPerDevice = float64(g.Total.Up)/devices, float64(g.Total.Down)/devices
	return g
}

// CloudCost is what the same exchanges would have cost with an update service
// in the cloud.
type CloudCost struct {
	Measured   []CloudExchange `json:"measured"` // one of each kind
	Multiplied CloudTotal      `json:"multiplied"`
}

// CloudTotal is the measured exchanges, each as often as the devices had it.
type CloudTotal struct {
	Events           uint64  `json:"events"`            // that devices published
	RegistryRequests uint64  `json:"registry_requests"` // to the device registry
	SiteLink         Traffic `json:"site_link"`         // up is towards the cloud
	InCloud          Traffic `json:"in_cloud"`          // up is from the update service
}

// CloudExchange is one exchange of a device with the update service.
type CloudExchange struct {
	Command string      `json:"command"` // that ended it
	Count   uint64      `json:"count"`   // of such in the campaign
	Parts   []CloudPart `json:"parts"`   // of one, in their order
}

// CloudPart is a message with its answer, as measured once.
type CloudPart struct {
	Name     string `json:"name"`
	SiteLink bool   `json:"site_link"` // else between servers of the cloud
	Traffic
}

// registryRequests is how many parts of an exchange are requests to the device
// registry: two GETs of the device, one of the application, one PUT.
const registryRequests = 4

// add adds an exchange as often as there are such.
func (c *CloudCost) add(e CloudExchange) {
	c.Measured = append(c.Measured, e)
	total := &c.Multiplied
	for _, p := range e.Parts {
		to := &total.InCloud
		if p.SiteLink {
			to = &total.SiteLink
		}
		*to = to.plus(p.times(e.Count))
	}
	total.Events += e.Count
	total.RegistryRequests += e.Count * registryRequests
}

// Polling is what the gateway asks whether something is new, update or not.
type Polling struct {
	EveryS float64 `json:"every_s"` // as configured by default
	Traffic
}

// poll measures one look at what is desired: the application and its devices,
// and the tag.
func (c *campaign) poll(ctx context.Context) (p Polling, err error) {
	p.EveryS = config.Default().Upstream.Drogue.Registry.Refresh.Seconds()
	before := c.meters.traffic()
	if err := c.lookAgain(ctx); err != nil {
		return p, fmt.Errorf("polling: %w", err)
	}
	after := c.meters.traffic()
	for _, server := range []backend.Server{backend.Images, backend.Registry} {
		p.Traffic = p.plus(after[server].minus(before[server]))
	}
	return p, nil
}

func (c *campaign) lookAgain(ctx context.Context) error {
	client, err := rest.New(c.cfg.Upstream.Drogue.Registry)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Application(ctx, application); err != nil {
		return err
	}
	for _, err := range client.Devices(ctx, application, "", rest.PageSize) {
		if err != nil {
			return err
		}
	}
	images, err := oci.New(c.cfg.Firmware.Config)
	if err != nil {
		return err
	}
	spec := firmware.Spec{Container: &firmware.ContainerSpec{Image: c.backend.Image}}
	_, err = images.Resolve(ctx, dfu.Device{Application: application}, spec)
	return err
}

// Waiting is the time that a device waits for answers, computed: blocks x RTT.
type Waiting struct {
	RTTMs      float64 `json:"rtt_ms"`
	Where      string  `json:"where"` // who answers at that round trip
	PerDeviceS float64 `json:"per_device_s"`
}

// roundTrips are those that are usual between a device and who answers it.
var roundTrips = []struct {
	rtt   time.Duration
	where string
}{
	{time.Millisecond, "a gateway on the site"},
	{50 * time.Millisecond, "a service in the cloud"},
}

func (u Upstream) waiting() (all []Waiting) {
	for _, r := range roundTrips {
		all = append(all, Waiting{
			RTTMs: milliseconds(r.rtt), Where: r.where,
			PerDeviceS: float64(u.chunks()) * r.rtt.Seconds(),
		})
	}
	return all
}
