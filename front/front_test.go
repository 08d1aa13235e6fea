package front_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/front"
	"havn/metric"
)

func newCounts() *front.Counts {
	text := func(code int) string { return map[int]string{1: "one", 2: "two"}[code] }
	return front.NewCounts(front.NewComplaints(nil, front.BadStatus, front.BadCommand), text, "dfu", "other")
}

func TestMetrics(t *testing.T) {
	c := newCounts()
	c.Requests.Count(0, 1)
	c.Requests.Count(0, 1)
	c.Requests.Count(1, 2)
	c.Chunk(100)
	c.Chunk(50)
	c.Commands.Add(3)
	c.Reject(front.BadStatus)
	c.Reject(front.BadCommand)
	c.Extra = func() []metric.Metric { return []metric.Metric{metric.Gauge("b", "B.", 2)} }
	got := map[string]float64{}
	for _, m := range c.Metrics("radio") {
		key := m.Name
		for _, l := range m.Labels {
			key += " " + l.Value
		}
		got[key] = m.Value
	}
	want := map[string]float64{
		"requests_total radio dfu one": 2, "requests_total radio other two": 1,
		"chunks_total radio": 2, "chunk_bytes_total radio": 150,
		"rejected_total radio status": 1, "rejected_total radio command": 1,
		"commands_total delivered": 3, "commands_total refused": 1, "b": 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestComplaints: one line per reason and pace, with the number of those left out.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := front.NewComplaints(slog.New(slog.NewTextHandler(&out, nil)), front.BadStatus, front.Malformed)
		complain := func(why front.Reason, n int) {
			for range n {
				if log := c.Reject(why); log != nil {
					log.Warn("bad")
				}
			}
		}
		complain(front.BadStatus, 5)
		complain(front.Malformed, 1)
		time.Sleep(10 * time.Second)
		complain(front.BadStatus, 2)
		var lines []string
		for line := range strings.Lines(out.String()) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			lines = append(lines, what)
		}
		want := []string{
			"bad reason=status suppressed=0", "bad reason=malformed suppressed=0", "bad reason=status suppressed=4",
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if c.Rejected(front.BadStatus) != 7 || c.Rejected(front.Malformed) != 1 {
			t.Errorf("%d and %d rejected", c.Rejected(front.BadStatus), c.Rejected(front.Malformed))
		}
	})
}

func TestCountingDoesNotAllocate(t *testing.T) {
	c := newCounts()
	c.Reject(front.BadStatus) // logged
	n := testing.AllocsPerRun(100, func() {
		c.Requests.Count(1, 2)
		c.Chunk(1024)
		c.Answers.Observe(time.Millisecond, 1)
		c.Reject(front.BadStatus)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPattern(t *testing.T) {
	addr := netip.MustParseAddr
	mesh := front.Pattern{Subnet: netip.MustParsePrefix("fd00:abcd::/64")}
	v4 := front.Pattern{Subnet: netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		p                   front.Pattern
		peer                netip.Addr
		application, device string
		want                bool
	}{
		{front.Pattern{}, netip.Addr{}, "", "", true},
		{mesh, addr("fd00:abcd::1%lo"), "a", "d", true},
		{mesh, addr("fd00:abce::1"), "a", "d", false},
		{mesh, netip.Addr{}, "a", "d", false},
		{v4, addr("::ffff:10.1.2.3"), "a", "d", true},
		{front.Pattern{Application: "a*", Device: "s-?"}, addr("::1"), "app", "s-1", true},
		{front.Pattern{Application: "a*", Device: "s-?"}, addr("::1"), "app", "s-12", false},
		{front.Pattern{Device: "*"}, addr("::1"), "app", "", true},
		{front.Pattern{Device: "?*"}, addr("::1"), "app", "", false},
	} {
		if got := tt.p.Matches(tt.peer, []byte(tt.application), []byte(tt.device)); got != tt.want {
			t.Errorf("%+v for %v %s/%s: %v", tt.p, tt.peer, tt.application, tt.device, got)
		}
	}
	bad := front.Pattern{Application: "[a", Device: `a\`}
	if faults := bad.Validate(); len(faults) != 2 || faults[0].Key != "application" || faults[1].Key != "device" {
		t.Errorf("%v", faults)
	}
}

func TestChunks(t *testing.T) {
	base := front.Chunks{WriteSize: 1024, Align: 4}
	if got := (front.Chunks{Align: 8}).Or(base); got != (front.Chunks{WriteSize: 1024, Align: 8}) {
		t.Errorf("%+v", got)
	}
	if l := base.Limits(100); l.Payload != 100 || l.Write != 1024 || l.Align != 4 {
		t.Errorf("%+v", l)
	}
	for c, key := range map[front.Chunks]string{
		{WriteSize: 1024, Align: 4}: "", {WriteSize: 1, Align: 1}: "", {WriteSize: 256, Align: 256}: "",
		{Align: 4}: "write_size", {WriteSize: 1025, Align: 4}: "write_size", {WriteSize: 7, Align: 8}: "write_size",
		{WriteSize: 64, Align: 3}: "align", {WriteSize: 1024, Align: 512}: "align", {WriteSize: 64}: "align",
	} {
		faults := c.Validate(1024)
		if (len(faults) == 0) != (key == "") || len(faults) > 0 && faults[0].Key != key {
			t.Errorf("%+v: %v, want %q", c, faults, key)
		}
	}
}
