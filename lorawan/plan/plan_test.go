package plan_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/lorawan/event"
	"havn/lorawan/plan"
	"havn/lorawan/region"
	"havn/update"
)

const (
	kib    = 1 << 10
	minute = 60.
	hour   = 60 * minute
	day    = 24 * hour
)

// known holds figures worked out by hand with the formula of Semtech AN1200.13,
// for Writes in the encoding of Drogue Ajour with a version of 5 bytes and
// offsets as long as at the end of the image.
//
// The gateway's figures are lower by up to an eighth: its Writes spend 4 bytes
// less on the encoding, and 2 bytes less below offset 65536. Alignment to words
// of 4 bytes takes up to 3 bytes back, and the final Swap adds a downlink.
var known = []struct {
	size, dr, data, writes   int
	downlink, uplink         float64 // s on the air, of 51, 115 or 242 bytes and of 26
	at1, at10, asking, timed float64 // one device: radio gateway at 1 and 10 %, own 1 %, every 10 min
	hundredAt1, hundredAt10  float64
}{
	{32 * kib, 0, 32, 1024, 2.793, 1.974, 3.3 * day, 7.9 * hour, 2.3 * day, 7.1 * day, 331 * day, 33.1 * day},
	{32 * kib, 3, 96, 342, .677, .267, 6.4 * hour, 39 * minute, 2.5 * hour, 2.4 * day, 26.8 * day, 2.7 * day},
	{32 * kib, 5, 223, 147, .394, .082, 97 * minute, 10 * minute, 20 * minute, 1.0 * day, 6.7 * day, 16.1 * hour},
	{128 * kib, 0, 30, 4370, 2.793, 1.974, 14.1 * day, 33.9 * hour, 10 * day, 30 * day, 3.9 * 365 * day, 141 * day},
	{128 * kib, 3, 94, 1395, .677, .267, 26.2 * hour, 2.6 * hour, 10.4 * hour, 9.7 * day, 109 * day, 10.9 * day},
	{128 * kib, 5, 221, 594, .394, .082, 6.5 * hour, 39 * minute, 81 * minute, 4.1 * day, 27.1 * day, 2.7 * day},
	{512 * kib, 0, 30, 17477, 2.793, 1.974, 56.5 * day, 5.7 * day, 39.9 * day, 121 * day, 15.5 * 365 * day, 565 * day},
	{512 * kib, 3, 94, 5578, .677, .267, 4.4 * day, 10.5 * hour, 41.4 * hour, 39 * day, 437 * day, 43.7 * day},
	{512 * kib, 5, 221, 2373, .394, .082, 26 * hour, 2.6 * hour, 5.4 * hour, 16 * day, 108 * day, 10.8 * day},
}

// near reports whether got is within a share of want.
func near(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// TestKnownFigures: with the downlinks of the known figures, airtime and duty
// cycle give their times, to their last digit.
func TestKnownFigures(t *testing.T) {
	rules, err := region.New(region.Config{Region: "EU868"})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range known {
		payload, err := rules.MaxDownlink(k.dr)
		if err != nil {
			t.Fatal(err)
		}
		down, err := rules.DownlinkAirtime(k.dr, payload)
		if err != nil {
			t.Fatal(err)
		}
		up, err := rules.UplinkAirtime(k.dr, 26)
		if err != nil {
			t.Fatal(err)
		}
		n := float64((k.size + k.data - 1) / k.data)
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"writes", n, float64(k.writes)},
			{"downlink", down.Seconds(), k.downlink}, {"uplink", up.Seconds(), k.uplink},
			{"1 %", n * down.Seconds() / 0.01, k.at1}, {"10 %", n * down.Seconds() / 0.1, k.at10},
			{"own 1 %", n * up.Seconds() / 0.01, k.asking}, {"interval", n * 600, k.timed},
		} {
			if !near(c.got, c.want, 0.05) {
				t.Errorf("%d KiB at DR%d: %s is %.4g, want %.4g", k.size/kib, k.dr, c.what, c.got, c.want)
			}
		}
	}
}

// TestEstimateBesideKnownFigures: see known for why an estimate is lower.
func TestEstimateBesideKnownFigures(t *testing.T) {
	for _, k := range known {
		e := estimate(t, knownUpdate(k.size, k.dr))
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"writes", float64(e.Writes), float64(k.writes)},
			{"1 %", e.Limits[0].OneS, k.at1}, {"10 %", e.Limits[1].OneS, k.at10},
			{"100 at 1 %", e.Limits[0].AllS, k.hundredAt1}, {"100 at 10 %", e.Limits[1].AllS, k.hundredAt10},
			{"interval", e.Limits[2].OneS, k.timed},
		} {
			if c.got > 1.03*c.want || c.got < 0.85*c.want {
				t.Errorf("%d KiB at DR%d: %s is %.4g, known %.4g", k.size/kib, k.dr, c.what, c.got, c.want)
			}
		}
		if least := (k.size + k.data + 5) / (k.data + 6); e.Writes < least {
			t.Errorf("%d KiB at DR%d: %d Writes, at least %d are needed", k.size/kib, k.dr, e.Writes, least)
		}
		// The longest Status has 28 bytes: a symbol group or two more than 26.
		if !near(e.DownlinkAirtimeS, k.downlink, 0.01) || !near(e.UplinkAirtimeS, k.uplink, 0.15) {
			t.Errorf("%d KiB at DR%d: %.3f s down and %.3f s up, known %.3f and %.3f",
				k.size/kib, k.dr, e.DownlinkAirtimeS, e.UplinkAirtimeS, k.downlink, k.uplink)
		}
	}
}

// knownUpdate is the update of the known figures.
func knownUpdate(size, dr int) plan.Update {
	return plan.Update{
		Size: size, Region: "EU868", DR: dr, Devices: 100, Interval: 10 * time.Minute, VersionLength: 5,
	}
}

func estimate(t *testing.T, u plan.Update) *plan.Estimate {
	t.Helper()
	e, err := u.Estimate()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestCountsWhatTheEngineSends: also for tails that are no whole word.
func TestCountsWhatTheEngineSends(t *testing.T) {
	for _, u := range []plan.Update{
		knownUpdate(1, 0), knownUpdate(4, 0), knownUpdate(6, 3), knownUpdate(70_001, 0), knownUpdate(70_002, 3),
		knownUpdate(70_003, 5), {Size: 70_000, Region: "US915", DR: 1, Devices: 1, Interval: 1, VersionLength: 16},
	} {
		e := estimate(t, u)
		if got := engineWrites(t, u, e.Payload); e.Writes != got || e.Downlinks != got+1 {
			t.Errorf("%+v: %d Writes and %d downlinks, the engine sends %d", u, e.Writes, e.Downlinks, got)
		}
	}
}

func engineWrites(t *testing.T, u plan.Update, payload int) (n int) {
	t.Helper()
	version := strings.Repeat("v", u.VersionLength)
	want := firmware.NewTarget(firmware.Metadata{Version: version, Size: uint32(u.Size)})
	limits := update.Limits{Payload: payload, Write: event.MaxPayload, Align: 4}
	st := dfu.Status{Version: []byte("old")}
	for {
		d := update.Decide(&st, want, limits)
		switch d.Command.Op {
		case dfu.OpWrite:
		case dfu.OpSwap:
			return n
		default:
			t.Fatalf("%v at %d", d, st.Update.Offset)
		}
		n++
		st.Updating = true
		st.Update = dfu.Progress{Version: []byte(version), Offset: d.Command.Offset + d.Length}
	}
}

// TestSlowestLimitCounts: the interval for one device, the radio gateway for a
// hundred; a region without a duty cycle has it as a limit of its own.
func TestSlowestLimitCounts(t *testing.T) {
	e := estimate(t, knownUpdate(128*kib, 3))
	if e.OneS != e.Limits[2].OneS || e.AllS != e.Limits[0].AllS {
		t.Errorf("one device %v s, all %v s, of %+v", e.OneS, e.AllS, e.Limits)
	}
	u := knownUpdate(128*kib, 3)
	u.Region = "US915"
	e = estimate(t, u)
	free := e.Limits[2]
	if len(e.Limits) != 5 || free.Duty != 1 || !free.InForce || e.Limits[0].InForce || e.Limits[1].InForce {
		t.Errorf("limits %+v", e.Limits)
	}
	if free.OneS != e.AirtimeS || e.DownlinkDR != 13 {
		t.Errorf("%v s, want %v s; downlink at DR%d, want 13", free.OneS, e.AirtimeS, e.DownlinkDR)
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*plan.Update)
		want   error
	}{
		"size":     {func(u *plan.Update) { u.Size = 0 }, plan.ErrUpdate},
		"huge":     {func(u *plan.Update) { u.Size = 1 << 30 }, plan.ErrUpdate},
		"devices":  {func(u *plan.Update) { u.Devices = 0 }, plan.ErrUpdate},
		"interval": {func(u *plan.Update) { u.Interval = 0 }, plan.ErrUpdate},
		"version":  {func(u *plan.Update) { u.VersionLength = 65 }, plan.ErrUpdate},
		"region":   {func(u *plan.Update) { u.Region = "EU869" }, region.ErrRegion},
		"DR":       {func(u *plan.Update) { u.DR = 20 }, region.ErrDataRate},
		"swap":     {func(u *plan.Update) { u.VersionLength = 13 }, plan.ErrTooLong},
		"status":   {func(u *plan.Update) { u.Region = "US915" }, plan.ErrTooLong},
	} {
		u := knownUpdate(kib, 0)
		c.change(&u)
		if _, err := u.Estimate(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	u := knownUpdate(kib, 0)
	u.VersionLength = 12 // the longest whose Swap has 51 bytes
	estimate(t, u)
}

// TestGoodput: the figures are those of an exhaustive search for the smallest
// encodings that real devices read, and of the reference encoder; and the engine
// sends as much.
func TestGoodput(t *testing.T) {
	for _, c := range []struct {
		region            string
		dr, version       int
		offset            uint32
		name              string
		most, own, packed int
	}{
		{"EU868", 0, 1, 256, "EU868 DR0", 51, 40, 36},
		{"EU868", 0, 1, 65536, "EU868 DR0", 51, 36, 32},
		{"EU868", 0, 5, 256, "EU868 DR0", 51, 36, 32},
		{"EU868", 0, 5, 65536, "EU868 DR0", 51, 32, 28},
		{"EU868", 3, 1, 256, "EU868 DR3", 115, 104, 100},
		{"EU868", 3, 5, 65536, "EU868 DR3", 115, 96, 92},
		{"EU868", 5, 5, 256, "EU868 DR5", 242, 224, 220},
		{"EU868", 5, 5, 65536, "EU868 DR5", 242, 224, 220},
		{"US915", 1, 5, 65536, "US915 DR1/11", 242, 224, 220},
	} {
		rules, err := region.New(region.Config{Region: c.region})
		if err != nil {
			t.Fatal(err)
		}
		g, err := plan.NewGoodput(rules, c.dr, c.version, c.offset)
		if err != nil {
			t.Fatal(err)
		}
		if g.String() != c.name || g.Payload != c.most || g.DataBytes != c.own || g.PackedDataBytes != c.packed {
			t.Errorf("%+v: %+v", c, g)
		}
		if sent := engineWrite(c.version, c.offset, g.Payload); sent != g.DataBytes {
			t.Errorf("%+v: the engine sends %d bytes", c, sent)
		}
	}
}

// engineWrite returns the firmware bytes that a device in the middle of an
// update is sent in a payload.
func engineWrite(version int, offset uint32, payload int) int {
	m := firmware.Metadata{Version: strings.Repeat("1", version), Size: offset + 2*event.MaxPayload}
	st := dfu.Status{
		Version: []byte("0"), Updating: true,
		Update: dfu.Progress{Version: []byte(m.Version), Offset: offset},
	}
	limits := update.Limits{Payload: payload, Write: event.MaxPayload, Align: 4}
	return int(update.Decide(&st, firmware.NewTarget(m), limits).Length)
}
