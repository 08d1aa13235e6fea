package region

import (
	"testing"
	"time"
)

// TestNetwork: an identifier that stands for a region has its rules, with the other
// parameters of the network; all others have the rules of the network's own region.
func TestNetwork(t *testing.T) {
	n, err := NewNetwork(Config{Region: "EU868", RX1DROffset: 1, RX2DR: at(3)})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]struct {
		name string
		dr   int // of the answer to DR3
	}{
		"": {"EU868", 2}, "eu868": {"EU868", 2}, "us915_1": {"US915", 12}, "as923_2": {"AS923-2", 2},
		"plant": {"EU868", 2}, "plant_us915": {"EU868", 2},
	} {
		r := n.Region(id)
		if dr, err := r.DownlinkDR(3); err != nil || r.Name() != want.name || dr != want.dr {
			t.Errorf("%q: %s DR%d %v, want %v", id, r.Name(), dr, err, want)
		}
	}
	if _, err := NewNetwork(Config{Region: "EU"}); err == nil {
		t.Error("an unknown region is accepted")
	}
}

// TestBelow: a size that was refused steps down through the limits of the region.
func TestBelow(t *testing.T) {
	n, err := NewNetwork(Config{Region: "EU868"})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]int{242: 115, 116: 115, 115: 51, 52: 51, 51: 25, 2: 1, 1: 0, 0: 0} {
		if got := n.Below(size); got != want {
			t.Errorf("%d: %d, want %d", size, got, want)
		}
	}
}

// TestBudget: the budget holds for any hour, and what was spent more than an hour ago
// counts no more.
func TestBudget(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	after := func(d time.Duration) time.Time { return start.Add(d) }
	b := NewBudget(0.01)
	b.Spend(20*time.Second, start)
	if b.Exhausted(start) {
		t.Error("exhausted after 20 s of 36 s")
	}
	b.Spend(16*time.Second, after(30*time.Minute))
	if !b.Exhausted(after(59*time.Minute)) || !b.Exhausted(after(10*time.Minute)) {
		t.Error("not exhausted after 36 s, or after the clock went back")
	}
	if b.Exhausted(after(60 * time.Minute)) {
		t.Error("exhausted by 16 s in the last hour")
	}
	b.Spend(20*time.Second, after(61*time.Minute))
	if !b.Exhausted(after(62*time.Minute)) || b.Exhausted(after(100*time.Hour)) {
		t.Error("16 s and 20 s are a budget, for an hour")
	}
	none := NewBudget(0)
	none.Spend(100*time.Hour, start)
	if none.Exhausted(start) {
		t.Error("exhausted without a limit")
	}
}
