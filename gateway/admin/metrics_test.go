package admin

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"havn/front"
	"havn/metric"
)

// fake is a front that only counts.
type fake struct {
	name   string
	counts *front.Counts
}

func (f fake) Name() string              { return f.name }
func (f fake) Run(context.Context) error { return nil }
func (f fake) Close() error              { return nil }
func (f fake) Counts() *front.Counts     { return f.counts }

// of is a meter that always says the same.
type of []metric.Metric

func (o of) Metrics() []metric.Metric { return o }

func exposition(t *testing.T, meters []metric.Meter, fronts []front.Front) string {
	t.Helper()
	rec := httptest.NewRecorder()
	metricsHandler(meters, fronts).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatal(rec.Body.String())
	}
	return rec.Body.String()
}

// What several parts count alike is one number.
func TestSums(t *testing.T) {
	text := func(code int) string { return map[int]string{1: "one"}[code] }
	counts := func() *front.Counts { return front.NewCounts(front.NewComplaints(nil, front.BadStatus), text, "dfu") }
	a, b, wire := counts(), counts(), counts()
	for _, c := range []*front.Counts{a, b} {
		c.Requests.Count(0, 1)
		c.Chunk(100)
		c.Reject(front.BadStatus)
		c.Answers.Observe(time.Millisecond, 1)
	}
	wire.Answers.Observe(time.Hour, 1)
	label := metric.Label{Name: "name", Value: "bad \xff"}
	meters := []metric.Meter{
		of{metric.Counter("x_total", "X.", 1), metric.Counter("x_total", "X.", 2)},
		of{metric.Counter("x_total", "X.", 4), metric.Gauge("y", "Y.", 0.5, label)},
		of{metric.Switch("z", "Z.", true)},
	}
	got := exposition(t, meters, []front.Front{fake{"radio", a}, fake{"radio", b}, fake{"wire", wire}})
	for _, line := range []string{
		`gateway_requests_total{code="one",protocol="radio",resource="dfu"} 2`,
		`gateway_chunk_bytes_total{protocol="radio"} 200`,
		`gateway_chunk_bytes_total{protocol="wire"} 0`,
		`gateway_rejected_total{protocol="radio",reason="status"} 2`,
		`gateway_answer_seconds_bucket{protocol="radio",le="0.001"} 2`,
		`gateway_answer_seconds_bucket{protocol="wire",le="1"} 0`,
		`gateway_answer_seconds_bucket{protocol="wire",le="+Inf"} 1`,
		`gateway_answer_seconds_sum{protocol="wire"} 3600`,
		"# HELP gateway_x_total X.", "# TYPE gateway_x_total counter", "gateway_x_total 7",
		"# TYPE gateway_y gauge", "gateway_y{name=\"bad \uFFFD\"} 0.5", "gateway_z 1",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}
