package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is what was measured. As JSON it is one object.
type Report interface {
	// Text writes the report for people, a few lines.
	Text(w io.Writer) error
	// Page returns the report with plots.
	Page() Page
}

// Header says where and how a report came about.
type Header struct {
	Date    time.Time `json:"date"`
	Command string    `json:"command"`
	Machine Machine   `json:"machine"`
}

// Machine is what the figures depend on.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"` // empty where it is not known
	Go     string `json:"go"`
}

// NewHeader describes this process and moment.
func NewHeader() Header {
	return Header{
		Date: time.Now().UTC().Truncate(time.Second), Command: strings.Join(os.Args, " "),
		Machine: Machine{
			CPUs: runtime.NumCPU(), Arch: runtime.GOARCH, Kernel: kernel(), Go: runtime.Version(),
		},
	}
}

// Facts returns the header as the head of a page.
func (h Header) Facts() []Fact {
	return []Fact{
		{Name: "Date", Value: h.Date.Format(time.RFC3339)},
		{Name: "Command", Value: h.Command},
		{Name: "Machine", Value: fmt.Sprintf("%d CPUs %s, kernel %s, %s",
			h.Machine.CPUs, h.Machine.Arch, h.Machine.Kernel, h.Machine.Go)},
	}
}

// Median returns the middle of values, nil if there is none or one is missing.
func Median(values []*float64) *float64 {
	known := make([]float64, 0, len(values))
	for _, v := range values {
		if v == nil {
			return nil
		}
		known = append(known, *v)
	}
	if len(known) == 0 {
		return nil
	}
	slices.Sort(known)
	n := len(known)
	middle := (known[(n-1)/2] + known[n/2]) / 2
	return &middle
}

// Ratio returns a/b, nil where that is not known.
func Ratio(a, b *float64) *float64 {
	if a == nil || b == nil || *b == 0 {
		return nil
	}
	r := *a / *b
	return &r
}

// Figure writes v with so many digits after the point, a dash for what is not known.
func Figure(v *float64, digits int) string {
	if v == nil || math.IsNaN(*v) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, *v)
}
