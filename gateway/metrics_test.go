package gateway

import (
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"havn/bench/device"
)

// labels are those of every metric that dashboards and alerts may rely on.
var labels = map[string][]string{
	"gateway_requests_total":        {"code", "protocol", "resource"},
	"gateway_duplicates_total":      {"protocol"},
	"gateway_commands_total":        {"result"},
	"gateway_commands_waiting":      nil,
	"gateway_chunks_total":          {"protocol"},
	"gateway_chunk_bytes_total":     {"protocol"},
	"gateway_rejected_total":        {"protocol", "reason"},
	"gateway_answer_seconds_bucket": {"le", "protocol"},
	"gateway_answer_seconds_sum":    {"protocol"},
	"gateway_answer_seconds_count":  {"protocol"},
	"gateway_cache_hits_total":      {"tier"},
	"gateway_cache_misses_total":    nil,
	"gateway_cache_bytes":           {"tier"},
	"gateway_fetches_total":         {"result", "source"},
	"gateway_devices":               {"state"},
}

var (
	sample    = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)
	labelName = regexp.MustCompile(`(\w+)="`)
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	local, _ := localFile(t, 2050)
	r := start(t, testConfig(t), local)
	r.update("write", "w", device.Config{})
	r.update("block", "b", device.Config{})
	r.send([]byte{0xff, 0xff})

	var text string
	eventually(t, "the datagram that is none is counted", func() bool {
		text = r.expect(http.StatusOK, "GET", "/metrics")
		return strings.Contains(text, `gateway_rejected_total{protocol="coap",reason="malformed"} 1`)
	})
	got := map[string][]string{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		var names []string
		for _, name := range labelName.FindAllStringSubmatch(m[2], -1) {
			names = append(names, name[1])
		}
		slices.Sort(names)
		got[m[1]] = names
	}
	for name, want := range labels {
		names, ok := got[name]
		if diff := cmp.Diff(want, names); !ok || diff != "" {
			t.Errorf("%s: present %v, labels: %s", name, ok, diff)
		}
	}
	for _, line := range []string{
		`gateway_chunk_bytes_total{protocol="coap"} 4100`,
		`gateway_devices{state="in-sync"} 2`,
		`gateway_fetches_total{result="ok",source="file"} 1`,
		`gateway_cache_bytes{tier="memory"} 2050`,
		`gateway_cache_bytes{tier="disk"} 2050`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	lint(t, text)
}

// send sends a datagram and waits for no answer.
func (r *running) send(datagram []byte) {
	r.t.Helper()
	conn, err := net.Dial("udp", r.Addr("coap").String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(datagram); err != nil {
		r.t.Fatal(err)
	}
}

func lint(t *testing.T, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
