package cache

import (
	"fmt"
	"io"

	"havn/bench/report"
	"havn/firmware"
)

// Report is what a Benchmark measured.
type Report struct {
	report.Header
	Images  int `json:"images"`
	Size    int `json:"image_bytes"`
	Devices int `json:"devices"`

	HitNs        float64 `json:"hit_ns"`         // Get of an image in memory
	AllocsPerHit float64 `json:"allocs_per_hit"` // objects
	DiskUs       float64 `json:"disk_us"`        // Load of an image on disk, with verification
	MissUs       float64 `json:"miss_us"`        // Load of an image from its source, by way of disk

	CoalescedFetches uint64  `json:"coalesced_fetches"` // of the image that all devices want
	CoalescedMs      float64 `json:"coalesced_ms"`      // until all of them had it
}

// rate returns MiB/s of images that take us microseconds each.
func (r *Report) rate(us float64) string {
	return fmt.Sprintf("%.0f", float64(r.Size)/float64(firmware.MiB)/max(us, 1e-9)*1e6)
}

func (r *Report) table() report.Table {
	return report.Table{
		Heads: []string{"what", "time", "MiB/s"},
		Rows: [][]string{
			{"hit in memory", fmt.Sprintf("%.1f ns, %.3f allocations", r.HitNs, r.AllocsPerHit), "-"},
			{"load from disk", fmt.Sprintf("%.0f us", r.DiskUs), r.rate(r.DiskUs)},
			{"load from source", fmt.Sprintf("%.0f us", r.MissUs), r.rate(r.MissUs)},
			{fmt.Sprintf("%d devices at once, %d fetch", r.Devices, r.CoalescedFetches),
				fmt.Sprintf("%.1f ms", r.CoalescedMs), "-"},
		},
	}
}

// Text implements report.Report.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintf(w, "%d images of %d bytes\n", r.Images, r.Size)
	return r.table().Write(w)
}

// Page implements report.Report.
func (r *Report) Page() report.Page {
	return report.Page{
		Title: "Image cache",
		Facts: append(r.Facts(), report.Fact{Name: "Measured",
			Value: fmt.Sprintf("%d images of %d bytes", r.Images, r.Size)}),
		Sections: []report.Section{{
			Title: "Time of a lookup", Table: r.table(),
			Text: "A device is always answered by a hit in memory; the loads happen behind it.",
			Charts: []report.SVG{report.Bars{
				Title: "Time per image, by where it is", Y: report.Axis{Label: "us", Log: true},
				Labels: []string{"memory", "disk", "source"},
				Series: []report.Series{{Name: "us", Y: []float64{r.HitNs / 1e3, r.DiskUs, r.MissUs}}},
			}},
		}},
	}
}
