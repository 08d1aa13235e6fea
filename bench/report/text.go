package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Write writes t as text in columns. Figures are right-aligned.
func (t Table) Write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.Heads}, t.Rows...) {
		fmt.Fprintf(out, "%s\t\n", strings.Join(row, "\t"))
	}
	return out.Flush()
}

// Rows returns facts as the rows of a table.
func Rows(facts []Fact) (rows [][]string) {
	for _, f := range facts {
		rows = append(rows, []string{f.Name, f.Value})
	}
	return rows
}
