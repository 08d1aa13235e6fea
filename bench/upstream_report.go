package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"havn/bench/chart"
	"havn/dfu"
)

// UpstreamReport is what Upstream measured.
type UpstreamReport struct {
	Header
	Devices  int         `json:"devices"`
	Firmware int         `json:"firmware_bytes"`
	Chunk    int         `json:"chunk_bytes"`
	Messages Messages    `json:"messages"` // of all devices, counted
	Gateway  GatewayCost `json:"gateway"`  // measured
	Cloud    CloudCost   `json:"cloud"`
	Polling  Polling     `json:"polling"` // one look, measured; not part of the campaign
	Waiting  []Waiting   `json:"waiting_computed"`
}

// The texts explain the tables.
const (
	gatewayText = "This gateway, measured. All of it is over the site's link. Progress was told at " +
		"every step, as in a slow update; a fast one costs less. Requests of the MQTT endpoint " +
		"are packets that it received."
	cloudText = "An update service in the cloud that is asked for each chunk. The bytes are of one " +
		"exchange, measured; the KiB are multiplied by what the devices really exchanged, each " +
		"kind of exchange with its own bytes. Up is from the device or the service, down is to it."
	comparisonText = "Both. Waiting is computed: blocks x RTT, where nothing is lost and servers " +
		"take no time."
)

func (r *UpstreamReport) subject() string {
	m := r.Messages
	return fmt.Sprintf("%d devices, firmware of %d bytes: "+
		"%d Writes of at most %d bytes, %d Swaps, %d Syncs",
		r.Devices, r.Firmware, m.Writes, r.Chunk, m.Swaps, m.Syncs)
}

// kib writes bytes as KiB.
func kib(n uint64) string { return fmt.Sprintf("%.1f", float64(n)/1024) }

func kibs(t Traffic) []string { return []string{kib(t.Up), kib(t.Down)} }

// gateway lists what each server was asked, and what that took.
func (r *UpstreamReport) gateway() chart.Table {
	t := chart.Table{Heads: []string{"server", "up KiB", "down KiB", "request", "count"}}
	for _, s := range r.Gateway.Servers {
		head := slices.Concat([]string{string(s.Server)}, kibs(s.Traffic))
		for _, name := range slices.Sorted(maps.Keys(s.Requests)) {
			t.Rows = append(t.Rows, append(head, name, fmt.Sprint(s.Requests[name])))
			head = []string{"", "", ""}
		}
	}
	t.Rows = append(t.Rows, slices.Concat([]string{"total"}, kibs(r.Gateway.Total), []string{"", ""}),
		[]string{"per device", fmt.Sprintf("%.1f", r.Gateway.UpPerDevice/1024),
			fmt.Sprintf("%.1f", r.Gateway.DownPerDevice/1024), "", ""})
	return t
}

// cloud lists the parts of an exchange: of one that ends with a Write, and of
// all together.
func (r *UpstreamReport) cloud() chart.Table {
	t := chart.Table{Heads: []string{"part", "where", "up bytes", "down bytes",
		"times", "up KiB", "down KiB"}}
	for i, p := range r.Cloud.write().Parts {
		where := "in the cloud"
		if p.SiteLink {
			where = "site's link"
		}
		var all Traffic
		for _, e := range r.Cloud.Measured {
			all = all.plus(e.Parts[i].times(e.Count))
		}
		t.Rows = append(t.Rows, slices.Concat([]string{p.Name, where, fmt.Sprint(p.Up),
			fmt.Sprint(p.Down), fmt.Sprint(r.Cloud.Multiplied.Events)}, kibs(all)))
	}
	return t
}

// write returns the exchange that ends with a Write.
func (c *CloudCost) write() CloudExchange {
	i := slices.IndexFunc(c.Measured, func(e CloudExchange) bool {
		return e.Command == dfu.OpWrite.String()
	})
	return c.Measured[i]
}

// comparison puts both side by side.
func (r *UpstreamReport) comparison() chart.Table {
	g, c := r.Gateway, r.Cloud.Multiplied
	perDevice := func(t Traffic) string { return kib(t.total() / uint64(r.Devices)) }
	t := chart.Table{Heads: []string{"", "this gateway", "", "service in the cloud", ""}}
	both := func(name, gateway, cloud string) {
		t.Rows = append(t.Rows, []string{name, gateway, "measured", cloud, "multiplied"})
	}
	both("events of devices", fmt.Sprint(g.Events), fmt.Sprint(c.Events))
	both("events of one device", fmt.Sprintf("%.1f, at most %d", g.EventsMean, g.EventsMax),
		fmt.Sprintf("%.1f", float64(c.Events)/float64(r.Devices)))
	both("requests to the device registry",
		fmt.Sprint(g.registryRequests()), fmt.Sprint(c.RegistryRequests))
	both("site's link, up KiB", kib(g.Total.Up), kib(c.SiteLink.Up))
	both("site's link, down KiB", kib(g.Total.Down), kib(c.SiteLink.Down))
	both("site's link, KiB per device", perDevice(g.Total), perDevice(c.SiteLink))
	t.Rows = append(t.Rows,
		[]string{"between servers of the cloud, KiB", "0", "", kib(c.InCloud.total()), "multiplied"},
		[]string{"fetches of the firmware", fmt.Sprint(g.BlobFetches), "measured", "1 at least", ""},
		r.waitingRow())
	return t
}

// registryRequests counts those to the device registry.
func (g *GatewayCost) registryRequests() (n uint64) {
	for _, count := range g.Servers[1].Requests {
		n += count
	}
	return n
}

func (r *UpstreamReport) waitingRow() []string {
	row := []string{"waiting per device, s"}
	for _, w := range r.Waiting {
		row = append(row, fmt.Sprintf("%.1f", w.PerDeviceS), fmt.Sprintf("computed for RTT %g ms", w.RTTMs))
	}
	return row
}

// polling is a sentence on what is not in the tables.
func (r *UpstreamReport) polling() string {
	return fmt.Sprintf("Not in it: update or not, the gateway looks every %g s whether something "+
		"is new. Once, measured: %s KiB up, %s KiB down.",
		r.Polling.EveryS, kib(r.Polling.Up), kib(r.Polling.Down))
}

// Text implements Report.
func (r *UpstreamReport) Text(w io.Writer) error {
	fmt.Fprintln(w, r.subject())
	for _, part := range []struct {
		text  string
		table chart.Table
	}{{gatewayText, r.gateway()}, {cloudText, r.cloud()}, {comparisonText, r.comparison()}} {
		fmt.Fprintf(w, "\n%s\n", part.text)
		if err := writeTable(w, part.table); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.polling())
	return err
}

// Page implements Report.
func (r *UpstreamReport) Page() chart.Page {
	return chart.Page{
		Title: "What an update campaign costs upstream",
		Facts: append(r.facts(), chart.Fact{Name: "Measured", Value: r.subject()}),
		Sections: []chart.Section{
			{Title: "Both", Text: comparisonText + " " + r.polling(), Table: r.comparison(),
				Charts: []chart.SVG{r.bars()}},
			{Title: "This gateway", Text: gatewayText, Table: r.gateway()},
			{Title: "Service in the cloud", Text: cloudText, Table: r.cloud()},
		},
	}
}

// bars draws what crosses the site's link.
func (r *UpstreamReport) bars() chart.SVG {
	values := func(t Traffic) []float64 {
		return []float64{float64(t.Up) / 1024, float64(t.Down) / 1024}
	}
	return chart.Bars{
		Title: "Over the site's link", Y: chart.Axis{Label: "KiB", Log: true},
		Labels: []string{"up", "down"},
		Series: []chart.Series{
			{Name: "this gateway", Y: values(r.Gateway.Total)},
			{Name: "service in the cloud", Y: values(r.Cloud.Multiplied.SiteLink)},
		},
	}
}
