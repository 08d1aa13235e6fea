package lorawan

import (
	"context"
	"errors"
	"testing"
	"time"

	"havn/bench"
	"havn/bench/report"
	"havn/bench/report/reporttest"
	"havn/dfu"
	"havn/link/mqtt/mqtttest"
)

// short is a measurement of a moment, in which little more is to be seen than
// that all was answered.
const short = 100 * time.Millisecond

func measureLoRaWAN(t *testing.T, broker string) *Report {
	t.Helper()
	lines := 0
	l := Benchmark{Broker: broker, Duration: short, Progress: func(string) { lines++ }}
	r, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if lines != len(r.Results) {
		t.Errorf("%d lines of progress for %d rates", lines, len(r.Results))
	}
	return r
}

func TestLoRaWAN(t *testing.T) {
	t.Parallel()
	r := measureLoRaWAN(t, "")
	answered := 0
	for i, want := range []UplinkRate{
		{UplinksPerS: 1, Networks: 1, Samples: 1},
		{UplinksPerS: 100, Networks: 2, Samples: 20},
		{UplinksPerS: 1000, Networks: 1, Samples: 25},
	} {
		got := r.Results[i]
		if got.UplinksPerS != want.UplinksPerS || got.Networks != want.Networks ||
			got.Samples != want.Samples {
			t.Errorf("%+v, want %+v", got, want)
		}
		answered += got.Answered
		if got.Answered > got.Samples ||
			got.InWindowShare > float64(got.Answered)/float64(got.Samples) {
			t.Errorf("more answers than there can be: %+v", got)
		}
	}
	if answered == 0 { // how many are in time is the machine's affair
		t.Errorf("nothing was answered: %+v", r.Results)
	}
	fields := reporttest.Fields(t, r)
	row, _ := fields["results"].([]any)[0].(map[string]any)
	for _, name := range []string{"uplinks_per_s", "samples", "in_window_share"} {
		if _, ok := row[name].(float64); !ok {
			t.Errorf("no %s in JSON: %v", name, row)
		}
	}
	if p99, ok := row["p99_ms"]; !ok || p99 != nil {
		t.Errorf("p99 of one sample is %v, want null", p99)
	}
	if r.Broker != BrokerMosquitto && r.Broker != BrokerEmbedded {
		t.Errorf("broker %q", r.Broker)
	}
	reporttest.Render(t, r, "through broker "+r.Broker, "EU868 DR0", "in window %")
}

// TestLoRaWANOnBrokerOfOthers: all networks share a broker that was there
// before.
func TestLoRaWANOnBrokerOfOthers(t *testing.T) {
	t.Parallel()
	broker, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- broker.Run(ctx) }()
	r := measureLoRaWAN(t, broker.URL())
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if r.Broker != broker.URL() {
		t.Errorf("broker %q, want %q", r.Broker, broker.URL())
	}
}

func TestLoRaWANRefuses(t *testing.T) {
	for _, broker := range []string{
		"nonsense", "mqtt://192.0.2.1:1883", "mqtt://localhost:1883", "mqtt://127.0.0.1",
		"mqtts://127.0.0.1:8883", "mqtt://user@127.0.0.1:1883", "mqtt://127.0.0.1:1883/x",
	} {
		if _, err := (Benchmark{Broker: broker, Duration: short}).Run(t.Context()); !errors.Is(err, bench.ErrUsage) {
			t.Errorf("broker %q: %v, want bench.ErrUsage", broker, err)
		}
	}
	for _, d := range []time.Duration{0, -1, time.Hour} {
		if _, err := (Benchmark{Duration: d}).Run(t.Context()); !errors.Is(err, bench.ErrUsage) {
			t.Errorf("duration %v: %v, want bench.ErrUsage", d, err)
		}
	}
}

// TestLoRaWANEnds: with its context, and not before the networks have ended.
func TestLoRaWANEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), short)
	defer stop()
	l := Benchmark{Broker: BrokerEmbedded, Duration: time.Minute}
	if _, err := l.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want DeadlineExceeded", err)
	}
}

// TestLoRaDeviceNoticesWrongFirmware: only the very bytes that follow are taken.
func TestLoRaDeviceNoticesWrongFirmware(t *testing.T) {
	networks, err := newNetworks("mqtt://127.0.0.1:1", t.TempDir(), []byte("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	d := networks[0].devices[0]
	d.offset = 4
	right := dfu.Command{Op: dfu.OpWrite, Version: []byte(bench.NewVersion), Offset: 4, Data: []byte("4567")}
	for name, c := range map[string]dfu.Command{
		"data":    with(right, func(c *dfu.Command) { c.Data = []byte("4568") }),
		"nothing": with(right, func(c *dfu.Command) { c.Data = nil }),
		"beyond":  with(right, func(c *dfu.Command) { c.Data = []byte("4567890") }),
		"offset":  with(right, func(c *dfu.Command) { c.Offset = 0 }),
		"version": with(right, func(c *dfu.Command) { c.Version = []byte("2") }),
		"command": {Op: dfu.OpSync, Version: []byte(bench.NewVersion)},
	} {
		if err := d.take(c.Append(nil)); !errors.Is(err, errFirmware) || d.offset != 4 {
			t.Errorf("%s: %v, offset %d", name, err, d.offset)
		}
	}
	if err := d.take([]byte{0xff}); !errors.Is(err, dfu.ErrMalformed) {
		t.Errorf("%v, want ErrMalformed", err)
	}
	if err := d.take(right.Append(nil)); err != nil || d.offset != 8 {
		t.Errorf("%v, offset %d", err, d.offset)
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		samples int
		q       float64
		want    string
	}{
		{0, 0.5, "-"}, {1, 0.5, "1"}, {4, 0.5, "2"}, {5, 0.5, "3"},
		{49, 0.99, "-"}, {100, 0.99, "99"}, {1000, 0.99, "990"}, {400, 0.999, "-"}, {1000, 0.999, "999"},
	} {
		sorted := make([]time.Duration, c.samples)
		for i := range sorted {
			sorted[i] = time.Duration(i+1) * time.Millisecond
		}
		if got := report.Figure(quantile(sorted, c.q), 0); got != c.want {
			t.Errorf("%g of %d samples is %s, want %s", c.q, c.samples, got, c.want)
		}
	}
}

// TestNothingAnswered: there is a report all the same.
func TestNothingAnswered(t *testing.T) {
	networks, err := newNetworks("mqtt://127.0.0.1:1", t.TempDir(), []byte("firmware"))
	if err != nil {
		t.Fatal(err)
	}
	networks[0].sent = 7
	row := newUplinkRate(1, networks[:1])
	if row.Samples != 7 || row.P50Ms != nil || row.InWindowShare != 0 || row.CarriedShare != 0 {
		t.Errorf("%+v", row)
	}
	rows, err := goodput()
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{Header: report.NewHeader(), Results: []UplinkRate{row}, Goodput: rows}
	reporttest.Render(t, r, "7")
}

// with returns v with a change.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}
