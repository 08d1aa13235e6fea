package guard

import (
	"errors"
	"strings"
	"testing"

	"havn/firmware"
	"havn/status"
)

var errWindow = errors.New("the swap waits for its window")

// gate is closed by its error.
type gate struct{ closed error }

func (g gate) MaySwap(firmware.Spec, firmware.Digest) error { return g.closed }

func hold(why Reason) Verdict { return Verdict{Answer: Hold, Reason: why} }

// Each row of the table is one change to the facts of a device that may do all.
func TestMay(t *testing.T) {
	target := firmware.NewTarget(firmware.Metadata{Version: "v2", Digest: firmware.Digest{2}, Size: 100})
	long := firmware.NewTarget(firmware.Metadata{Version: strings.Repeat("v", 17)})
	free := Verdict{}
	closed := Verdict{Answer: Hold, Held: errWindow}
	tests := []struct {
		name                 string
		gate                 error
		change               func(*Facts)
		start, proceed, swap Verdict
	}{
		{"nothing against it", nil, func(*Facts) {}, free, free, free},
		{"late report after the swap", nil, func(f *Facts) { f.Delivered, f.Settling = true, true },
			Verdict{Answer: Settle}, free, free},
		{"says nothing after the swap", nil, func(f *Facts) { f.Says, f.Delivered, f.Settling = false, true, true },
			free, free, free},
		{"rolled back", nil, func(f *Facts) { f.Delivered = true }, hold(ReasonRolledBack), free, free},
		{"rolled back after it had booted", nil, func(f *Facts) { f.Delivered, f.Booted = true, true },
			hold(ReasonRolledBack), free, free},
		{"said before that it rolled back", nil, func(f *Facts) { f.Says, f.Delivered, f.Noted = false, true, ReasonRolledBack },
			hold(ReasonRolledBack), free, free},
		{"rolled back from what is no longer desired", nil, func(f *Facts) { f.Noted = ReasonRolledBack }, free, free, free},
		{"other firmware by the ledger", nil, func(f *Facts) { f.Delivered, f.Known, f.From = true, true, "v0" },
			hold(ReasonOtherVersion), free, free},
		{"other firmware after it had booted", nil, func(f *Facts) { f.Delivered, f.Booted, f.From = true, true, "v0" },
			hold(ReasonOtherVersion), free, free},
		{"unheard of", nil, func(f *Facts) { f.Delivered, f.From = true, "v0" },
			Verdict{Answer: Learn, Reason: ReasonFetching}, free, free},
		{"the target moves", nil, func(f *Facts) { f.Moving = true }, hold(ReasonFetching), free, free},
		{"stale", nil, func(f *Facts) { f.Stale = true }, Verdict{Answer: Resolve, Reason: ReasonFetching}, free, free},
		{"version too long", nil, func(f *Facts) { f.Target = long },
			hold(ReasonVersionTooLong), hold(ReasonVersionTooLong), hold(ReasonVersionTooLong)},
		{"any version", nil, func(f *Facts) { f.Target, f.MaxVersion = long, 0 }, free, free, free},
		{"no airtime", nil, func(f *Facts) { f.NoAirtime = true }, hold(ReasonBudget), free, free},
		{"the swap does not fit", nil, func(f *Facts) { f.Payload = 39 },
			hold(ReasonSwapTooLong), free, hold(ReasonSwapTooLong)},
		{"no swap to fit", nil, func(f *Facts) { f.Payload, f.SwapBytes = 0, 0 }, free, free, free},
		{"the gate is closed", errWindow, func(*Facts) {}, free, free, closed},
		{"nothing desired, nobody to ask", errWindow, func(f *Facts) { f.Desired = false }, free, free, free},
		{"the first guard decides", errWindow, func(f *Facts) { f.Delivered, f.NoAirtime, f.Payload = true, true, 1 },
			hold(ReasonRolledBack), free, hold(ReasonSwapTooLong)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Facts{
				Target: target, Says: true, Runs: []byte("v1"), From: "v1", Desired: true,
				MaxVersion: 16, Payload: 40, SwapBytes: 40,
			}
			tt.change(&f)
			guards := New(gate{tt.gate})
			for step, want := range []Verdict{tt.start, tt.proceed, tt.swap} {
				if got := guards.May(f, Step(step)); got != want {
					t.Errorf("step %d: got %+v, want %+v", step, got, want)
				}
			}
		})
	}
}

func TestNoGate(t *testing.T) {
	f := Facts{Target: firmware.NewTarget(firmware.Metadata{Version: "v2"}), Desired: true}
	if v := New(nil).May(f, Swap); v.Answer != Go {
		t.Errorf("got %+v", v)
	}
}

// A swap that another guard holds is not granted by the source.
func TestSourceIsAskedLast(t *testing.T) {
	asked := false
	guards := New(asking(func() { asked = true }))
	f := Facts{Target: firmware.NewTarget(firmware.Metadata{Version: "v2"}), Desired: true, SwapBytes: 1}
	if guards.May(f, Swap); asked {
		t.Error("the source was asked about a swap that does not fit the link")
	}
}

type asking func()

func (a asking) MaySwap(firmware.Spec, firmware.Digest) error { a(); return nil }

func TestMayDoesNotAllocate(t *testing.T) {
	guards := New(gate{errWindow})
	f := Facts{Target: firmware.NewTarget(firmware.Metadata{Version: "v2"}), Desired: true}
	n := testing.AllocsPerRun(100, func() {
		for _, s := range []Step{Start, Proceed, Swap} {
			guards.May(f, s)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEveryReasonHasATextAndAName(t *testing.T) {
	for r := ReasonNone + 1; r < reasons; r++ {
		if text := r.Text(&status.Status{Target: "v2"}, "v0"); strings.TrimSpace(text) == "" {
			t.Errorf("reason %d has no text", r)
		}
		if name := r.String(); name == "" || ReasonOf(name) != r {
			t.Errorf("reason %d has the name %q of %d", r, name, ReasonOf(name))
		}
	}
}
