package report

import (
	_ "embed"
	"html/template"
	"io"
)

// Page is a report.
type Page struct {
	Title    string
	Facts    []Fact // what was measured, where and how
	Sections []Section
}

// Fact is one line at the head of a page.
type Fact struct{ Name, Value string }

// Section is a table, charts, or both.
type Section struct {
	Title  string
	Text   string
	Table  Table
	Charts []SVG
}

// Table has a row of heads and rows of as many cells.
type Table struct {
	Heads []string
	Rows  [][]string
}

// SVG is a chart: [Lines] or [Bars].
type SVG interface {
	// SVG returns an svg element. All text in it is escaped.
	SVG() template.HTML
}

//go:embed page.html
var pageSource string

// Write writes the page as HTML.
func (p Page) Write(w io.Writer) error {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}
