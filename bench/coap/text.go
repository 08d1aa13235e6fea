package coap

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/HdrHistogram/hdrhistogram-go"

	"havn/bench/device"
	"havn/bench/report"
	"havn/firmware"
)

// subject says what was measured.
func (r *Report) subject() string {
	what := "Block2 GET, %d bytes"
	if r.Mode == device.ModeWrite {
		what = "Status and Write of at most %d bytes"
	}
	return fmt.Sprintf(what+"; %d devices at %d endpoints in lock-step, %d in flight; %d runs of %g s",
		r.BlockSize, r.Devices, r.Endpoints, r.InFlight, len(r.Runs), r.DurationS)
}

// rows are the two servers, one row each.
func (r *Report) rows() report.Table {
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	return report.Table{
		Heads: []string{
			"server", "blocks/s", "MiB/s", "CPU us/block", "p50 us", "p99 us", "p99.9 us", "lost",
		},
		Rows: [][]string{{
			r.Server, whole(r.BlocksPerS), report.Figure(&r.MiBPerS, 1), report.Figure(r.CPUUsPerBlock, 2),
			whole(r.P50Us), whole(r.P99Us), whole(r.P999Us), fmt.Sprint(r.Lost),
		}, {
			"limit", whole(r.LimitBlocksPerS), report.Figure(&r.LimitMiBPerS, 1), report.Figure(r.LimitCPUUsPerBlock, 2),
			whole(r.LimitP50Us), whole(r.LimitP99Us), whole(r.LimitP999Us), fmt.Sprint(r.LimitLost),
		}},
	}
}

// notes are the figures that the limit has no counterpart for.
func (r *Report) notes() []report.Fact {
	notes := []report.Fact{
		{Name: "CPU, times the limit", Value: report.Figure(r.RatioCPU, 2)},
		{Name: "throughput, times the limit", Value: report.Figure(r.RatioThroughput, 2)},
		{Name: "allocations per block", Value: report.Figure(r.AllocsPerBlock, 4)},
	}
	if r.RSSBytes != nil {
		notes = append(notes, report.Fact{Name: "memory", Value: fmt.Sprintf(
			"%.1f MiB resident, %+.1f MiB since before the load from %d endpoints",
			float64(*r.RSSBytes)/float64(firmware.MiB), float64(*r.RSSGrowthBytes)/float64(firmware.MiB), r.EndpointsReached)})
	}
	if r.HeapPerDevice != nil {
		notes = append(notes, report.Fact{Name: "heap per device", Value: fmt.Sprintf("%.0f bytes", *r.HeapPerDevice)})
	}
	if !r.Separate {
		notes = append(notes, report.Fact{Name: "note",
			Value: "generator and server share a core: latency and blocks/s are those of both"})
	}
	return notes
}

// Text implements report.Report.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintln(w, r.subject())
	if err := r.rows().Write(w); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, n := range r.notes() {
		fmt.Fprintf(t, "%s\t%s\n", n.Name, n.Value)
	}
	return t.Flush()
}

// Page implements report.Report.
func (r *Report) Page() report.Page {
	return report.Page{
		Title: "CoAP: " + r.Server,
		Facts: append(r.Facts(), report.Fact{Name: "Measured", Value: r.subject()}),
		Sections: []report.Section{{
			Title: "Medians of all runs", Table: r.rows(),
			Text: "The limit is a bare responder of the same machine and run: " +
				"it receives and sends datagrams of the same sizes and looks at none.",
		}, {
			Title: "Cost", Table: report.Table{Heads: []string{"", ""}, Rows: report.Rows(r.notes())},
			Charts: []report.SVG{
				r.perRun("CPU time per block", "us", func(s Sample) *float64 { return s.CPUUsPerBlock }),
				r.perRun("Throughput", "blocks/s", func(s Sample) *float64 { return &s.BlocksPerS }),
			},
		}, {
			Title: "Latency", Text: "Request to checked answer, over all runs.",
			Charts: []report.SVG{r.latencies()},
		}},
	}
}

// perRun draws one figure of both sides, run by run.
func (r *Report) perRun(title, unit string, get func(Sample) *float64) report.SVG {
	b := report.Bars{Title: title, Y: report.Axis{Label: unit},
		Series: []report.Series{{Name: r.Server}, {Name: "limit"}}}
	for i, p := range r.Runs {
		b.Labels = append(b.Labels, fmt.Sprintf("run %d", i+1))
		for k, s := range []Sample{p.Server, p.Limit} {
			value := 0.0
			if v := get(s); v != nil {
				value = *v
			}
			b.Series[k].Y = append(b.Series[k].Y, value)
		}
	}
	return b
}

// latencies draws how many requests took longer than a time.
func (r *Report) latencies() report.SVG {
	return report.Lines{
		Title:  "Requests that took longer",
		X:      report.Axis{Label: "us", Log: true},
		Y:      report.Axis{Label: "share of requests", Log: true},
		Series: []report.Series{tail(r.Server, r.latency), tail("limit", r.limitLatency)},
	}
}

// tail returns the share of values above each value of h.
func tail(name string, h *hdrhistogram.Histogram) report.Series {
	s := report.Series{Name: name}
	for _, step := range h.CumulativeDistributionWithTicks(5) {
		s.X = append(s.X, float64(step.ValueAt)/1e3)
		s.Y = append(s.Y, 1-step.Quantile/100)
	}
	return s
}
