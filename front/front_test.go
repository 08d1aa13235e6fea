package front_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/front"
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

func newFake(name string) fake {
	text := func(code int) string { return map[int]string{1: "one", 2: "two"}[code] }
	return fake{name, front.NewCounts(front.NewComplaints(nil, front.BadStatus, front.BadCommand), text, "dfu", "other")}
}

func TestSum(t *testing.T) {
	a, b, c := newFake("radio"), newFake("radio"), newFake("wire")
	a.counts.Requests.Count(0, 1)
	b.counts.Requests.Count(0, 1)
	b.counts.Requests.Count(1, 2)
	a.counts.Chunk(100)
	b.counts.Chunk(50)
	b.counts.Commands.Add(3)
	a.counts.Reject(front.BadStatus)
	b.counts.Reject(front.BadStatus)
	c.counts.Answers.Observe(time.Millisecond, 1)
	a.counts.Answers.Observe(time.Millisecond, 2)
	b.counts.Answers.Observe(time.Hour, 1)

	sum := front.Sum([]front.Front{a, b, c})
	radio := sum["radio"]
	if diff := cmp.Diff(map[front.Request]uint64{{Resource: "dfu", Code: "one"}: 2, {Resource: "other", Code: "two"}: 1},
		radio.Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[front.Reason]uint64{front.BadStatus: 2, front.BadCommand: 0}, radio.Rejected); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
	if radio.Chunks != 2 || radio.ChunkBytes != 150 || radio.Commands != 3 {
		t.Errorf("%d chunks of %d bytes, %d commands", radio.Chunks, radio.ChunkBytes, radio.Commands)
	}
	if got := time.Duration(radio.Answers.Sum.Load()); got != time.Hour+2*time.Millisecond || len(sum) != 2 {
		t.Errorf("answers took %v; %d protocols", got, len(sum))
	}
	if sum["wire"].Chunks != 0 || len(sum["wire"].Requests) != 0 {
		t.Errorf("%+v", sum["wire"].Requests)
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
	f := newFake("wire")
	f.counts.Reject(front.BadStatus) // logged
	n := testing.AllocsPerRun(100, func() {
		f.counts.Requests.Count(1, 2)
		f.counts.Chunk(1024)
		f.counts.Answers.Observe(time.Millisecond, 1)
		f.counts.Reject(front.BadStatus)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestExtra(t *testing.T) {
	var n atomic.Uint64
	n.Store(7)
	c := front.Counter("a_total", "A.", &n, front.Label{Name: "network", Value: "field"})
	g := front.Gauge("b", "B.", func() float64 { return 2 })
	if c.Value() != 7 || c.Gauge || c.Labels[0].Value != "field" || g.Value() != 2 || !g.Gauge {
		t.Errorf("%+v, %+v", c, g)
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
