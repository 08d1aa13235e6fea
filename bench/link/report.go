package link

import (
	"fmt"
	"io"

	"havn/bench/report"
)

// Report is what a Benchmark measured.
type Report struct {
	report.Header
	Mode        string  `json:"mode"`
	Firmware    int     `json:"firmware_bytes"`
	AckTimeoutS float64 `json:"ack_timeout_s"`
	Cells       []Cell  `json:"cells"` // by loss, then round-trip time, then block size
}

// String is the line that is shown when the update ends.
func (c Cell) String() string {
	end := "done"
	if !c.Finished {
		end = fmt.Sprintf("not done, %d bytes so far", c.Bytes)
	}
	return fmt.Sprintf("block %d, RTT %g ms, loss %g %%: %s in %.2f s, blocks x RTT is %.2f s",
		c.BlockSize, c.RTTMs, c.Loss*100, end, c.MeasuredS, c.ModelS)
}

func (r *Report) table() report.Table {
	t := report.Table{Heads: []string{"loss %", "RTT ms", "block", "blocks", "requests", "sent again",
		"blocks x RTT s", "expected s", "measured s", "KiB/s"}}
	for _, c := range r.Cells {
		measured := fmt.Sprintf("%.2f", c.MeasuredS)
		if !c.Finished {
			measured = ">" + measured
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%g", c.Loss*100), fmt.Sprintf("%g", c.RTTMs), fmt.Sprint(c.BlockSize),
			fmt.Sprint(c.Blocks), fmt.Sprint(c.Requests), fmt.Sprint(c.Retransmitted),
			fmt.Sprintf("%.2f", c.ModelS), fmt.Sprintf("%.2f", c.ExpectedS), measured,
			fmt.Sprintf("%.1f", float64(c.Bytes)/1024/max(c.MeasuredS, 1e-9)),
		})
	}
	return t
}

// linkText explains the columns.
const linkText = "An update in lock-step costs one round trip per block: blocks x RTT. " +
	"Expected adds the requests that lead to the blocks, and the mean wait for a datagram " +
	"that was lost; a single update may wait much longer, or not at all."

// subject says what was measured.
func (r *Report) subject() string {
	return fmt.Sprintf("firmware of %d bytes, %s mode, ACK_TIMEOUT %g s",
		r.Firmware, r.Mode, r.AckTimeoutS)
}

// Text implements report.Report.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintln(w, r.subject())
	return r.table().Write(w)
}

// Page implements report.Report.
func (r *Report) Page() report.Page {
	charts := report.Section{Title: "Time of an update by block size"}
	for from := 0; from < len(r.Cells); {
		to := from
		for to < len(r.Cells) && r.Cells[to].Loss == r.Cells[from].Loss {
			to++
		}
		charts.Charts = append(charts.Charts, lossChart(r.Cells[from:to]))
		from = to
	}
	return report.Page{
		Title:    "Update time over slow and lossy links",
		Facts:    append(r.Facts(), report.Fact{Name: "Measured", Value: r.subject()}),
		Sections: []report.Section{charts, {Title: "Figures", Text: linkText, Table: r.table()}},
	}
}

// lossChart draws the cells of one loss: measured and model, for each
// round-trip time.
func lossChart(cells []Cell) report.SVG {
	l := report.Lines{
		Title: fmt.Sprintf("Loss %g %%", cells[0].Loss*100),
		X:     report.Axis{Label: "block size, bytes", Log: true},
		Y:     report.Axis{Label: "s", Log: true},
	}
	var measured, model *report.Series
	for i, c := range cells {
		if i == 0 || c.RTTMs != cells[i-1].RTTMs {
			name := fmt.Sprintf("RTT %g ms", c.RTTMs)
			l.Series = append(l.Series,
				report.Series{Name: name}, report.Series{Name: name + " expected"})
			measured, model = &l.Series[len(l.Series)-2], &l.Series[len(l.Series)-1]
		}
		measured.X, measured.Y = append(measured.X, float64(c.BlockSize)), append(measured.Y, c.MeasuredS)
		model.X, model.Y = append(model.X, float64(c.BlockSize)), append(model.Y, c.ExpectedS)
	}
	return l
}
