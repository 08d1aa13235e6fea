package lorawan

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"havn/bench/report"
	"havn/lorawan/plan"
)

// Report is what a Benchmark measured.
type Report struct {
	report.Header
	Broker   string         `json:"broker"`
	WindowMs float64        `json:"window_ms"` // that an answer must make, from the event on
	Results  []UplinkRate   `json:"results"`
	Goodput  []plan.Goodput `json:"goodput"`
}

// UplinkRate is the time from event to command at a rate of uplinks. A quantile
// that the samples are too few for is null.
type UplinkRate struct {
	UplinksPerS int `json:"uplinks_per_s"` // of each network
	Networks    int `json:"networks"`      // side by side, each with a broker of its own
	Samples     int `json:"samples"`       // uplinks, all of which asked for firmware
	Answered    int `json:"answered"`      // with a command; the quantiles are over these

	P50Ms  *float64 `json:"p50_ms"`
	P99Ms  *float64 `json:"p99_ms"`
	P999Ms *float64 `json:"p999_ms"`
	MaxMs  *float64 `json:"max_ms"`

	InWindowShare float64 `json:"in_window_share"` // of all samples, answered within window_ms
	CarriedShare  float64 `json:"carried_share"`   // of all samples, whose device got its firmware
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// newUplinkRate takes what the networks have measured side by side.
func newUplinkRate(perSecond int, networks []*network) UplinkRate {
	r := UplinkRate{UplinksPerS: perSecond, Networks: len(networks)}
	var took []time.Duration
	var carried int64
	for _, n := range networks {
		took = append(took, n.latencies()...)
		r.Samples += n.sent
		carried += n.carried.Load()
	}
	slices.Sort(took)
	r.Answered = len(took)
	r.P50Ms, r.P99Ms, r.P999Ms = quantile(took, 0.5), quantile(took, 0.99), quantile(took, 0.999)
	if len(took) > 0 {
		slowest := milliseconds(took[len(took)-1])
		r.MaxMs = &slowest
	}
	inWindow, _ := slices.BinarySearch(took, answerWindow+1)
	r.InWindowShare = float64(inWindow) / float64(r.Samples)
	r.CarriedShare = float64(carried) / float64(r.Samples)
	return r
}

// quantile returns the q-quantile of sorted in milliseconds (nearest rank), nil
// where fewer than one sample is to be expected beyond it.
func quantile(sorted []time.Duration, q float64) *float64 {
	n := float64(len(sorted))
	if n == 0 || q > 0.5 && math.Round(n*(1-q)) < 1 {
		return nil
	}
	ms := milliseconds(sorted[int(math.Ceil(q*n))-1])
	return &ms
}

// String is the line that is shown when the rate is measured.
func (r UplinkRate) String() string {
	return fmt.Sprintf("%d uplinks/s: %d samples, p50 %s ms, p99 %s ms, %.2f %% in the window",
		r.UplinksPerS, r.Samples, report.Figure(r.P50Ms, 2), report.Figure(r.P99Ms, 2), 100*r.InWindowShare)
}

func (r *Report) latencies() report.Table {
	t := report.Table{Heads: []string{"uplinks/s", "networks", "samples", "answered",
		"p50 ms", "p99 ms", "p99.9 ms", "max ms", "in window %", "carried %"}}
	for _, row := range r.Results {
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(row.UplinksPerS), fmt.Sprint(row.Networks), fmt.Sprint(row.Samples),
			fmt.Sprint(row.Answered), report.Figure(row.P50Ms, 2), report.Figure(row.P99Ms, 2), report.Figure(row.P999Ms, 2),
			report.Figure(row.MaxMs, 2), fmt.Sprintf("%.2f", 100*row.InWindowShare),
			fmt.Sprintf("%.2f", 100*row.CarriedShare),
		})
	}
	return t
}

func goodputTable(rows []plan.Goodput) report.Table {
	t := report.Table{Heads: []string{"data rate", "maximum", "version", "offset",
		"firmware", "of maximum %", "packed"}}
	for _, g := range rows {
		t.Rows = append(t.Rows, []string{
			g.String(), fmt.Sprint(g.Payload), fmt.Sprint(g.VersionLength), fmt.Sprint(g.Offset),
			fmt.Sprint(g.DataBytes), fmt.Sprintf("%.0f", 100*g.Share()), fmt.Sprint(g.PackedDataBytes),
		})
	}
	return t
}

// The texts explain the columns.
const (
	latencyText = "From the moment the network server hands the event of an uplink to the broker, " +
		"to the arrival of the command there. Of two networks side by side, each has that rate. " +
		"An answer within the window rides the receive window of its uplink; carried are the " +
		"uplinks whose device got firmware in that very window, from a server with the delays " +
		"of a real one."
	goodputText = "Bytes of firmware in one downlink: as the gateway encodes it, and as Drogue " +
		"Ajour packs it, both in words of 4 bytes. The maximum is all that a frame may carry at " +
		"the data rate of RX1."
)

// subject says what was measured through what.
func (r *Report) subject() string {
	return fmt.Sprintf("event to downlink through broker %s, window of %g ms", r.Broker, r.WindowMs)
}

// Text implements report.Report.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintln(w, r.subject())
	if err := r.latencies().Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nfirmware bytes per downlink, of the maximum of a frame")
	return goodputTable(r.typicalGoodput()).Write(w)
}

// Page implements report.Report.
func (r *Report) Page() report.Page {
	return report.Page{
		Title: "LoRaWAN: event to downlink",
		Facts: append(r.Facts(), report.Fact{Name: "Measured", Value: r.subject()}),
		Sections: []report.Section{
			{Title: "Time of an answer", Text: latencyText, Table: r.latencies(),
				Charts: []report.SVG{r.latencyChart()}},
			{Title: "Firmware per downlink", Text: goodputText, Table: goodputTable(r.Goodput),
				Charts: []report.SVG{r.goodputChart()}},
		},
	}
}

func (r *Report) latencyChart() report.SVG {
	half, most := report.Series{Name: "p50"}, report.Series{Name: "slowest"}
	b := report.Bars{Title: "Event to downlink", Y: report.Axis{Label: "ms", Log: true}}
	for _, row := range r.Results {
		if row.P50Ms == nil {
			continue
		}
		b.Labels = append(b.Labels, fmt.Sprintf("%d/s", row.UplinksPerS))
		half.Y, most.Y = append(half.Y, *row.P50Ms), append(most.Y, *row.MaxMs)
	}
	b.Series = []report.Series{half, most}
	return b
}

// typicalGoodput returns the rows for a version of 5 bytes in the greater part
// of an image.
func (r *Report) typicalGoodput() (rows []plan.Goodput) {
	for _, g := range r.Goodput {
		if g.VersionLength == 5 && g.Offset > math.MaxUint16 {
			rows = append(rows, g)
		}
	}
	return rows
}

func (r *Report) goodputChart() report.SVG {
	most, own := report.Series{Name: "maximum"}, report.Series{Name: "gateway"}
	packed := report.Series{Name: "packed"}
	b := report.Bars{Title: "Version of 5 bytes, offset above 65535", Y: report.Axis{Label: "bytes"}}
	for _, g := range r.typicalGoodput() {
		if g.Region != siteRegion {
			continue
		}
		b.Labels = append(b.Labels, g.String())
		most.Y, own.Y = append(most.Y, float64(g.Payload)), append(own.Y, float64(g.DataBytes))
		packed.Y = append(packed.Y, float64(g.PackedDataBytes))
	}
	b.Series = []report.Series{most, own, packed}
	return b
}
