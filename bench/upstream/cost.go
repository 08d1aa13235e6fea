package upstream

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"havn/bench/backend"
	"havn/bench/device"
	"havn/gateway/config"
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

// Polling is what the gateway asks whether something is new, update or not.
type Polling struct {
	EveryS float64 `json:"every_s"` // as configured by default
	Traffic
}

// poll measures one look at what is desired: the application and its devices,
// and the tag.
func (c *campaign) poll(ctx context.Context) (p Polling, err error) {
	p.EveryS = config.Default().Upstream.Drogue.Registry.Refresh.Seconds()
	before, asked := c.meters.traffic(), c.requests()
	if err := c.refresh(ctx); err != nil {
		return p, fmt.Errorf("polling: %w", err)
	}
	if err := c.looked(ctx, asked); err != nil {
		return p, fmt.Errorf("polling: %w", err)
	}
	if err := c.agreed(ctx); err != nil {
		return p, fmt.Errorf("polling: %w", err)
	}
	after := c.meters.traffic()
	for _, server := range polled {
		p.Traffic = p.plus(after[server].minus(before[server]))
	}
	return p, nil
}

// polled are the servers that are asked whether something is new.
var polled = []backend.Server{backend.Images, backend.Registry}

// refresh asks the gateway to look now, as an operator does.
func (c *campaign) refresh(ctx context.Context) error {
	url := c.gateway.AdminURL() + "/api/v1/refresh"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("POST %s: %s", url, resp.Status)
	}
	return nil
}

// requests returns how many requests the polled servers have got.
func (c *campaign) requests() (n [2]uint64) {
	for i, server := range polled {
		for _, count := range c.backend.Requests(server) {
			n[i] += count
		}
	}
	return n
}

// quiet is how long the gateway asks nothing more when it has looked at all: its
// requests to loopback follow each other within milliseconds.
const quiet = 300 * time.Millisecond

// looked waits until the gateway has looked at everything since: at the tag, at
// the application and at the pages of its devices. How many pages there are is
// the gateway's affair, so it waits for the end of the requests.
func (c *campaign) looked(ctx context.Context, since [2]uint64) error {
	err := eventually(ctx, func() error {
		now := c.requests()
		if images, registry := now[0]-since[0], now[1]-since[1]; images < 1 || registry < 2 {
			return fmt.Errorf("the image registry was asked %d times, the device registry %d times: want 1 and 2",
				images, registry)
		}
		return nil
	})
	for before := [2]uint64{}; err == nil && before != c.requests(); {
		before = c.requests()
		err = device.Sleep(ctx, quiet)
	}
	return err
}
