package upstream

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"havn/bench/report"
)

// Report is what a Benchmark measured.
type Report struct {
	report.Header
	Devices  int         `json:"devices"`
	Firmware int         `json:"firmware_bytes"`
	Chunk    int         `json:"chunk_bytes"`
	Messages Messages    `json:"messages"` // of all devices, counted
	Gateway  GatewayCost `json:"gateway"`  // measured
	Polling  Polling     `json:"polling"`  // one look, measured; not part of the campaign
}

// costText explains the table.
const costText = "All of it is over the site's link. Progress was told at every step, as in a slow " +
	"update; a fast one costs less. Requests of the MQTT endpoint are packets that it received."

func (r *Report) subject() string {
	m := r.Messages
	return fmt.Sprintf("%d devices, firmware of %d bytes: "+
		"%d Writes of at most %d bytes, %d Swaps, %d Syncs",
		r.Devices, r.Firmware, m.Writes, r.Chunk, m.Swaps, m.Syncs)
}

// kib writes bytes as KiB.
func kib(n uint64) string { return fmt.Sprintf("%.1f", float64(n)/1024) }

func kibs(t Traffic) []string { return []string{kib(t.Up), kib(t.Down)} }

// gateway lists what each server was asked, and what that took.
func (r *Report) gateway() report.Table {
	t := report.Table{Heads: []string{"server", "up KiB", "down KiB", "request", "count"}}
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

// perDevice sums up what matters to a site.
func (r *Report) perDevice() report.Table {
	g := r.Gateway
	return report.Table{
		Heads: []string{"events of a device", "at most", "fetches of the firmware", "up KiB", "down KiB"},
		Rows: [][]string{{fmt.Sprintf("%.1f", g.EventsMean), fmt.Sprint(g.EventsMax),
			fmt.Sprint(g.BlobFetches), fmt.Sprintf("%.1f", g.UpPerDevice/1024),
			fmt.Sprintf("%.1f", g.DownPerDevice/1024)}},
	}
}

// polling is a sentence on what is not in the tables.
func (r *Report) polling() string {
	return fmt.Sprintf("Not in it: update or not, the gateway looks every %g s whether something "+
		"is new. Once, measured: %s KiB up, %s KiB down.",
		r.Polling.EveryS, kib(r.Polling.Up), kib(r.Polling.Down))
}

// Text implements report.Report.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n%s\n", r.subject(), costText)
	for _, table := range []report.Table{r.gateway(), r.perDevice()} {
		if err := table.Write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintln(w, r.polling())
	return err
}

// Page implements report.Report.
func (r *Report) Page() report.Page {
	return report.Page{
		Title: "What an update campaign costs upstream",
		Facts: append(r.Facts(), report.Fact{Name: "Measured", Value: r.subject()}),
		Sections: []report.Section{
			{Title: "By server", Text: costText, Table: r.gateway(), Charts: []report.SVG{r.bars()}},
			{Title: "Per device", Text: r.polling(), Table: r.perDevice()},
		},
	}
}

// bars draws what crosses the site's link.
func (r *Report) bars() report.SVG {
	up, down := report.Series{Name: "up"}, report.Series{Name: "down"}
	b := report.Bars{Title: "Over the site's link", Y: report.Axis{Label: "KiB", Log: true}}
	for _, s := range r.Gateway.Servers {
		b.Labels = append(b.Labels, string(s.Server))
		up.Y, down.Y = append(up.Y, float64(s.Up)/1024), append(down.Y, float64(s.Down)/1024)
	}
	b.Series = []report.Series{up, down}
	return b
}
