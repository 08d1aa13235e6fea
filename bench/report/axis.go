package report

import (
	"math"
	"strconv"
)

// Axis says how values become coordinates.
type Axis struct {
	Label string // with the unit
	Log   bool   // decades instead of even steps; values must be positive
}

// shows reports whether the axis has a place for v.
func (a Axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.Log || v > 0)
}

// scale maps values of an axis to coordinates.
type scale struct {
	Axis
	low, high float64 // of the values, or of their logarithms
	from, to  float64 // coordinates
}

// fit returns the scale of values between the coordinates from and to. A linear
// one begins at 0.
func (a Axis) fit(values []float64, from, to float64) scale {
	s := scale{Axis: a, from: from, to: to, low: math.Inf(1), high: math.Inf(-1)}
	for _, v := range values {
		if a.shows(v) {
			s.low, s.high = min(s.low, s.value(v)), max(s.high, s.value(v))
		}
	}
	switch {
	case s.low > s.high: // no values
		s.low, s.high = 0, 1
	case a.Log:
		s.low, s.high = math.Floor(s.low), math.Ceil(s.high)
	default:
		s.low, s.high = min(s.low, 0), s.high*headroom
	}
	if s.low >= s.high {
		s.high = s.low + 1
	}
	return s
}

// headroom keeps the highest value off the edge.
const headroom = 1.08

func (s scale) value(v float64) float64 {
	if s.Log {
		return math.Log10(v)
	}
	return v
}

// at returns the coordinate of v.
func (s scale) at(v float64) float64 {
	return s.from + (s.value(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

// ticks returns the values that are written on the axis.
func (s scale) ticks() (values []float64) {
	step := 1.0
	if !s.Log {
		step = niceStep((s.high - s.low) / 6)
	}
	for n := math.Ceil(s.low / step); n*step <= s.high+step*1e-9; n++ {
		v := n * step
		if s.Log {
			v = math.Pow(10, v)
		}
		values = append(values, v)
	}
	return values
}

// niceStep returns the smallest of 1, 2, 5, 10 ... that is at least step.
func niceStep(step float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(step)))
	for _, n := range []float64{1, 2, 5} {
		if n*decade >= step {
			return n * decade
		}
	}
	return 10 * decade
}

// Number writes v short: thousands as k, millions as M.
func Number(v float64) string {
	short := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	switch size := math.Abs(v); {
	case size >= 1e6:
		return short(v/1e6) + "M"
	case size >= 1e4:
		return short(v/1e3) + "k"
	case size >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return short(v)
}
