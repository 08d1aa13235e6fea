package report

import (
	"testing"
)

func values(all ...float64) (p []*float64) {
	for _, v := range all {
		p = append(p, &v)
	}
	return p
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []*float64
		want   string
	}{
		{nil, "-"},
		{values(3), "3.0"},
		{values(5, 1, 3), "3.0"},
		{values(4, 1, 2, 100), "3.0"},
		{append(values(1, 2), nil), "-"},
	} {
		if got := Figure(Median(test.values), 1); got != test.want {
			t.Errorf("median of %v is %s, want %s", test.values, got, test.want)
		}
	}
}

func TestRatio(t *testing.T) {
	one, two, zero := 1.0, 2.0, 0.0
	if r := Ratio(&two, &one); r == nil || *r != 2 {
		t.Errorf("ratio of 2 and 1 is %s", Figure(r, 1))
	}
	for _, unknown := range [][2]*float64{{nil, &one}, {&one, nil}, {&one, &zero}} {
		if r := Ratio(unknown[0], unknown[1]); r != nil {
			t.Errorf("ratio %v, want none", *r)
		}
	}
}
