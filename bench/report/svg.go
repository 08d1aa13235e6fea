package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// The view box and the plot in it.
const (
	width, height = 640, 320
	left, right   = 64, 624
	top, bottom   = 48, 270
)

// colors tell series apart, for people with any colour vision (Okabe and Ito).
var colors = [...]string{
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f",
}

func color(i int) string { return colors[i%len(colors)] }

// Series is one line, or the bars of one colour.
type Series struct {
	Name string
	X    []float64 // of Lines; as many as Y
	Y    []float64
}

// Lines draws each series as a line through its points.
type Lines struct {
	Title  string
	X, Y   Axis
	Series []Series
}

// SVG implements SVG.
func (l Lines) SVG() template.HTML {
	var xs, ys []float64
	for _, s := range l.Series {
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	x, y := l.X.fit(xs, left, right), l.Y.fit(ys, bottom, top)
	d := newDrawing(l.Title, l.Series)
	d.yAxis(y)
	d.xAxis(x)
	for i, s := range l.Series {
		d.line(s, x, y, color(i))
	}
	return d.end()
}

// Bars draws groups of bars, one bar per series in each.
type Bars struct {
	Title  string
	Y      Axis
	Labels []string // of the groups; as many as each series has values
	Series []Series
}

// SVG implements SVG.
func (b Bars) SVG() template.HTML {
	var ys []float64
	for _, s := range b.Series {
		ys = append(ys, s.Y...)
	}
	y := b.Y.fit(ys, bottom, top)
	d := newDrawing(b.Title, b.Series)
	d.yAxis(y)
	group := float64(right-left) / float64(max(len(b.Labels), 1))
	for i, label := range b.Labels {
		at := left + group*float64(i)
		d.text(at+group/2, bottom+18, "middle", label)
		d.bars(b.Series, i, at+group*0.15, group*0.7/float64(len(b.Series)), y)
	}
	return d.end()
}

// drawing is an svg element in the making.
type drawing struct{ strings.Builder }

func newDrawing(title string, series []Series) *drawing {
	d := new(drawing)
	d.add(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, escape(title))
	d.add(`<text class="title" x="%d" y="18">%s</text>`, left, escape(title))
	x := float64(left)
	for i, s := range series {
		d.add(`<rect x="%.0f" y="28" width="10" height="10" fill="%s"/>`, x, color(i))
		d.text(x+14, 37, "start", s.Name)
		x += 34 + 6*float64(len(s.Name))
	}
	return d
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *drawing) text(x, y float64, anchor, text string) {
	d.add(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, escape(text))
}

func (d *drawing) yAxis(s scale) {
	for _, v := range s.ticks() {
		y := s.at(v)
		d.add(`<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, left, y, right, y)
		d.text(left-6, y+4, "end", Number(v))
	}
	const middle = (top + bottom) / 2
	d.add(`<text transform="translate(14 %d) rotate(-90)" text-anchor="middle">%s</text>`,
		middle, escape(s.Label))
}

func (d *drawing) xAxis(s scale) {
	for _, v := range s.ticks() {
		d.text(s.at(v), bottom+18, "middle", Number(v))
	}
	d.text((left+right)/2, bottom+38, "middle", s.Label)
}

func (d *drawing) line(s Series, x, y scale, stroke string) {
	var points []string
	for i, v := range s.Y {
		if x.shows(s.X[i]) && y.shows(v) {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(s.X[i]), y.at(v)))
		}
	}
	if len(points) == 1 {
		points = slices.Repeat(points, 2)
	}
	d.add(`<polyline stroke="%s" stroke-linecap="round" points="%s"/>`,
		stroke, strings.Join(points, " "))
}

// bars draws the i-th bar of each series, from x on.
func (d *drawing) bars(series []Series, i int, x, width float64, y scale) {
	for k, s := range series {
		if i >= len(s.Y) || !y.shows(s.Y[i]) {
			continue
		}
		top := y.at(s.Y[i])
		d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s</title></rect>`,
			x+width*float64(k), top, width*0.92, bottom-top, color(k),
			escape(s.Name+": "+Number(s.Y[i])))
	}
}

func (d *drawing) end() template.HTML {
	d.add("</svg>")
	return template.HTML(d.String())
}

func escape(s string) string { return template.HTMLEscapeString(s) }
