package gateway

import (
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	linkmqtt "havn/link/mqtt"
	"havn/lorawan"
	"havn/lorawan/region"
	"havn/metric"
	"havn/upstream/drogue"
)

var updatePages = flag.Bool("update", false, "write the pages that tests compare with the code")

const metricsPage = "../docs/metrics.md"

// everything returns a gateway with every part that counts. It does not run.
func everything(t *testing.T) *Gateway {
	t.Helper()
	cfg := testConfig(t)
	cfg.HTTP.Listen, cfg.MQTT.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.LoRaWAN.Networks = []lorawan.Config{{
		Name: "plant", Server: lorawan.ChirpStackV4, Application: "app", Radio: region.Config{Region: "EU868"},
		MQTT: linkmqtt.Config{URL: "mqtt://127.0.0.1:1"},
	}}
	cfg.Firmware.Hawkbit.URL = "https://hawkbit.invalid"
	cfg.Upstream.Drogue.Registry.URL = "https://registry.invalid"
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, []byte("secret"))
	cfg.Upstream.Drogue.Endpoints = []drogue.Endpoint{
		{URL: "https://http.invalid", Application: "app", Device: "gw", PasswordFile: password},
	}
	g, err := New(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// The page for operators has every metric, as the parts describe it.
func TestMetricsPage(t *testing.T) {
	rows := map[string]string{
		"answer_seconds": line("answer_seconds", "histogram", "protocol", "Time from receipt of a message to its answer."),
	}
	describe := func(all []metric.Metric) {
		for _, m := range all {
			if next := rowOf(m); rows[m.Name] != "" && rows[m.Name] != next {
				t.Errorf("one name and two descriptions:\n%s\n%s", rows[m.Name], next)
			} else {
				rows[m.Name] = next
			}
		}
	}
	for name, of := range counted {
		stats, metrics := of(t)
		eachCounter(reflect.ValueOf(stats).Elem(), name, func(_ string, count func()) { count() })
		describe(metrics())
	}
	g := everything(t)
	for _, m := range g.meters {
		describe(m.Metrics())
	}
	for _, f := range g.fronts {
		describe(f.Counts().Metrics(f.Name()))
	}
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(page), "| metric |")
	want := head + "| metric | type | labels | meaning |\n|---|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		want += rows[name]
	}
	if *updatePages {
		if err := os.WriteFile(metricsPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("%s, which go test -run MetricsPage -update writes: %s", metricsPage, diff)
	}
}

func rowOf(m metric.Metric) string {
	kind := "counter"
	if m.Gauge {
		kind = "gauge"
	}
	var labels []string
	for _, l := range m.Labels {
		labels = append(labels, l.Name)
	}
	return line(m.Name, kind, strings.Join(labels, ", "), m.Help)
}

func line(name, kind, labels, help string) string {
	return fmt.Sprintf("| `%s%s` | %s | %s | %s |\n", metric.Prefix, name, kind, labels, help)
}
