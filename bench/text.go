package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"havn/bench/chart"
)

// writeTable writes t in columns; figures are right-aligned.
func writeTable(w io.Writer, t chart.Table) error {
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.Heads}, t.Rows...) {
		fmt.Fprintf(out, "%s\t\n", strings.Join(row, "\t"))
	}
	return out.Flush()
}

func factRows(facts []chart.Fact) (rows [][]string) {
	for _, f := range facts {
		rows = append(rows, []string{f.Name, f.Value})
	}
	return rows
}
