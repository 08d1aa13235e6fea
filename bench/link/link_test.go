package link

import (
	"errors"
	"math"
	"testing"
	"time"

	"havn/bench"
	"havn/bench/device"
	"havn/bench/report/reporttest"
)

func quickLink() Benchmark {
	return Benchmark{
		Mode: device.ModeBlock, BlockSizes: []int{64, 1024}, RTTs: []time.Duration{0, 4 * time.Millisecond},
		Losses: []float64{0}, Size: 2000, Timeout: 30 * time.Second, Progress: func(string) {},
	}
}

func TestLinkWait(t *testing.T) {
	for _, test := range []struct {
		loss float64
		ack  time.Duration
		want float64 // seconds
	}{
		{0, 2 * time.Second, 0},
		{0.01, 2 * time.Second, 2.5 * 0.0199 / (1 - 2*0.0199)},
		{0.1, time.Second, 1.25 * 0.19 / (1 - 2*0.19)},
	} {
		if got := wait(test.loss, test.ack); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("wait at loss %v: %v s, want %v", test.loss, got, test.want)
		}
	}
}

func TestLinkModel(t *testing.T) {
	c := quickLink().newCell(64, 200*time.Millisecond, 0)
	if c.Blocks != 32 || math.Abs(c.ModelS-6.4) > 1e-9 || c.RTTMs != 200 {
		t.Errorf("2000 bytes in blocks of 64 at 200 ms: %d blocks, %v s", c.Blocks, c.ModelS)
	}
}

// TestLink: updates end, and none is faster than the model.
func TestLink(t *testing.T) {
	for _, mode := range []string{device.ModeBlock, device.ModeWrite} {
		l := quickLink()
		l.Mode = mode
		r, err := l.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Cells) != 4 {
			t.Fatalf("%s: %d cells, want 4", mode, len(r.Cells))
		}
		for _, c := range r.Cells {
			if !c.Finished || c.Bytes != 2000 || c.MeasuredS < c.ModelS {
				t.Errorf("%s: %+v", mode, c)
			}
			if c.Requests < uint64(c.Blocks) {
				t.Errorf("%s: %d requests for %d blocks", mode, c.Requests, c.Blocks)
			}
		}
		if _, ok := reporttest.Fields(t, r)["cells"].([]any); !ok {
			t.Errorf("%s: no cells in JSON", mode)
		}
		reporttest.Render(t, r, "blocks x RTT", "measured s")
	}
}

// TestLinkWithLoss: what is lost is asked for again.
func TestLinkWithLoss(t *testing.T) {
	l := quickLink()
	l.BlockSizes, l.RTTs, l.Losses = []int{64}, []time.Duration{0}, []float64{0.1}
	l.AckTimeout = 10 * time.Millisecond
	r, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Cells[0]; !c.Finished || c.Retransmitted == 0 || c.ExpectedS <= c.ModelS {
		t.Errorf("%+v", c)
	}
}

// TestLinkReportsWhatIsNotDone: the time is over before the first round trip.
func TestLinkReportsWhatIsNotDone(t *testing.T) {
	l := quickLink()
	l.RTTs, l.Timeout = []time.Duration{time.Hour}, 20*time.Millisecond
	r, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cells {
		if c.Finished || c.Bytes != 0 {
			t.Errorf("%+v", c)
		}
	}
	reporttest.Render(t, r, ">0.0")
}

func TestValidate(t *testing.T) {
	right := Benchmark{
		Mode: device.ModeBlock, BlockSizes: []int{64}, RTTs: []time.Duration{0}, Losses: []float64{0},
		Size: 1, Timeout: time.Second,
	}
	if err := right.Validate(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"link size":    with(right, func(l *Benchmark) { l.BlockSizes = []int{100} }).Validate(),
		"link RTT":     with(right, func(l *Benchmark) { l.RTTs = []time.Duration{-1} }).Validate(),
		"link loss":    with(right, func(l *Benchmark) { l.Losses = []float64{0.5} }).Validate(),
		"no loss":      with(right, func(l *Benchmark) { l.Losses = []float64{math.NaN()} }).Validate(),
		"no cells":     with(right, func(l *Benchmark) { l.RTTs = nil }).Validate(),
		"link timeout": with(right, func(l *Benchmark) { l.Timeout = 0 }).Validate(),
	} {
		if !errors.Is(err, bench.ErrUsage) {
			t.Errorf("%s: %v, want ErrUsage", name, err)
		}
	}
}

// with returns v with a change.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}
