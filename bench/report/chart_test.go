package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		name   string
		axis   Axis
		values []float64
		want   []float64
	}{
		{"from zero", Axis{}, []float64{3, 10}, []float64{0, 2, 4, 6, 8, 10}},
		{"decades", Axis{Log: true}, []float64{3, 2000}, []float64{1, 10, 100, 1000, 10000}},
		{"no values", Axis{}, nil, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{"one zero", Axis{}, []float64{0}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{"not finite", Axis{}, []float64{math.NaN(), math.Inf(1), 5}, []float64{0, 1, 2, 3, 4, 5}},
	} {
		got := test.axis.fit(test.values, 0, 100).ticks()
		equal := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
		if diff := cmp.Diff(test.want, got, equal); diff != "" {
			t.Errorf("%s: ticks (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestScaleMapsTheEnds(t *testing.T) {
	s := Axis{Log: true}.fit([]float64{1, 1000}, 10, 310)
	for v, want := range map[float64]float64{1: 10, 10: 110, 1000: 310} {
		if got := s.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("at(%v) = %v, want %v", v, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1.25: "1.25", 999: "999", 9999: "9999", 123456: "123.5k", 2.5e6: "2.5M", -20000: "-20k",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

// outsideReference is what a page must not contain.
var outsideReference = regexp.MustCompile(`(?i)<script|<link|src=|href=|url\(|@import`)

// hostile is text that must not become markup.
const hostile = `<script>alert("x")</script>&`

func TestPageIsSelfContained(t *testing.T) {
	points := []Series{{Name: hostile, X: []float64{1, 2}, Y: []float64{3, math.NaN()}}}
	page := Page{
		Title: hostile,
		Facts: []Fact{{"command", hostile}},
		Sections: []Section{{
			Title: "figures", Text: hostile,
			Table: Table{Heads: []string{"a", "b"}, Rows: [][]string{{"1", hostile}}},
			Charts: []SVG{
				Lines{Title: hostile, X: Axis{Label: "x"}, Y: Axis{Label: "y", Log: true}, Series: points},
				Bars{Title: "bars", Labels: []string{"one", "two"}, Series: points},
			},
		}},
	}
	var out strings.Builder
	if err := page.Write(&out); err != nil {
		t.Fatal(err)
	}
	html := out.String()
	if outside := outsideReference.FindString(html); outside != "" {
		t.Errorf("the page contains %q", outside)
	}
	if n := strings.Count(html, "<svg"); n != 2 {
		t.Errorf("%d charts, want 2", n)
	}
	if strings.Contains(html, "NaN") {
		t.Error("the page contains NaN")
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	for _, c := range []SVG{
		Lines{}, Bars{},
		Lines{Title: hostile, Series: []Series{{Name: "a", X: []float64{1}, Y: []float64{2}}}},
		Bars{Labels: []string{hostile}, Series: []Series{{Name: "a", Y: []float64{2}}, {Name: "short"}}},
	} {
		d := xml.NewDecoder(strings.NewReader(string(c.SVG())))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
		}
	}
}
