package lorawan_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/lorawan"
	"havn/lorawan/event"
)

// TestCommands: Write, Swap and Sync are sent, Wait is not.
func TestCommands(t *testing.T) {
	w := newWorld(t)
	cmd, dl := w.ask(5, at(0))
	w.write(cmd, 0)
	w.acked(dl)
	cmd, dl = w.ask(5, at(size))
	if cmd.Op != dfu.OpSwap || len(cmd.Checksum) != 32 {
		t.Fatalf("%+v", cmd)
	}
	w.acked(dl)
	cmd, dl = w.ask(5, dfu.Status{Version: []byte(wanted)})
	if cmd.Op != dfu.OpSync || cmd.Poll != 0 || len(dl.Payload) != 4+len(wanted)+1 {
		t.Fatalf("%+v in %d bytes", cmd, len(dl.Payload))
	}
	w.acked(dl)
	w.now = w.now.Add(time.Hour)
	lost := at(8)
	lost.Update.Version = []byte("9.9.9") // nobody has that
	w.silent(5, lost)
	s := w.Stats()
	answered := map[string]uint64{}
	s.Requests.Each(func(r front.Request, n uint64) { answered[r.Resource+" "+r.Code] = n })
	want := map[string]uint64{"dfu write": 1, "dfu swap": 1, "dfu sync": 1}
	if !maps.Equal(answered, want) || s.Silent.Load() != 1 || s.Chunks.Load() != 1 ||
		s.ChunkBytes.Load() != 228 || s.Airtime.Load() == 0 {
		t.Errorf("%d bytes of firmware, %d silent", s.ChunkBytes.Load(), s.Silent.Load())
	}
}

// TestSwapTooLong: found before the first Write, and shown.
func TestSwapTooLong(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.shelf = newShelf("2026.11.22-nightly", size) })
	w.silent(0, at(0))
	v, err := w.engine.Device(dfu.Device{Application: "edge", Name: "sensor-1"})
	if err != nil || !strings.Contains(v.Error, "Swap") {
		t.Errorf("%+v %v", v, err)
	}
	if _, ok := w.handle(w.uplink(3, at(0))); !ok {
		t.Error("fits at DR3")
	}
}

// TestSwapIgnoresMargin: a Swap that fits the frame goes, margin or not.
func TestSwapIgnoresMargin(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.chunks.Margin = 15 })
	if cmd, _ := w.ask(0, at(size)); cmd.Op != dfu.OpSwap {
		t.Errorf("%+v", cmd)
	}
}

// TestDeviceName: rows are named as configured.
func TestDeviceName(t *testing.T) {
	nameless, keyless := sensor, sensor
	nameless.Name, keyless.EUI = "", event.DevEUI{}
	for _, tt := range []struct {
		by     string
		device event.Device
		want   string
	}{
		{"", sensor, "sensor-1"}, {lorawan.ByName, sensor, "sensor-1"},
		{lorawan.ByDevEUI, sensor, "0102030405060708"},
		{"", nameless, "0102030405060708"}, {lorawan.ByDevEUI, keyless, "sensor-1"},
	} {
		w := newWorld(t, func(s *settings) { s.cfg.DeviceName = tt.by })
		up := w.uplink(5, at(0))
		up.Device = tt.device
		if _, ok := w.handle(up); !ok {
			t.Fatal(w.log)
		}
		if _, err := w.engine.Device(dfu.Device{Application: "edge", Name: tt.want}); err != nil {
			t.Errorf("%q: %v", tt.want, err)
		}
	}
}

// TestPorts: the first port is for firmware, others are shared, the rest is
// telemetry.
func TestPorts(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.cfg.FPorts = []int{223, 1} })
	send := func(port uint8, payload []byte) bool {
		up := w.uplink(5, at(0))
		up.FPort, up.Payload = port, payload
		_, ok := w.handle(up)
		return ok
	}
	first := at(0)
	if !send(1, first.Append(nil)) {
		t.Error("a Status on the shared port is one")
	}
	for _, tt := range []struct {
		port      uint8
		payload   []byte
		telemetry int
		bad       uint64
	}{
		{1, []byte{1, 2, 3}, 1, 0},
		{2, first.Append(nil), 2, 0},
		{223, []byte{1, 2, 3}, 2, 1},
		{223, nil, 2, 2},
		{223, make([]byte, 300), 2, 3},
		{0, nil, 2, 3},
	} {
		if send(tt.port, tt.payload) {
			t.Errorf("port %d: answered", tt.port)
		}
		if len(w.told) != tt.telemetry || int(w.heardTelemetry()) != tt.telemetry {
			t.Errorf("port %d: %d telemetry", tt.port, len(w.told))
		}
		w.rejected(front.BadStatus, tt.bad)
	}
}

// TestEveryPrefixFails: a cut Status is no Status.
func TestEveryPrefixFails(t *testing.T) {
	w := newWorld(t)
	st := at(100)
	whole := st.Append(nil)
	for i := range whole {
		up := w.uplink(5, st)
		up.Payload = whole[:i]
		if _, ok := w.handle(up); ok {
			t.Errorf("%x answered", up.Payload)
		}
	}
	w.rejected(front.BadStatus, uint64(len(whole)))
}

// TestRefused: what must not be served is counted, and logged at a pace.
func TestRefused(t *testing.T) {
	for why, change := range map[front.Reason]func(*event.Uplink){
		lorawan.Encrypted:   func(u *event.Uplink) { u.Payload, u.Refused = nil, event.ErrEncrypted },
		lorawan.BadTag:      func(u *event.Uplink) { u.Refused = event.ErrTag },
		lorawan.BadDataRate: func(u *event.Uplink) { u.DR = 14 },
	} {
		w := newWorld(t)
		for range 3 {
			up := w.uplink(5, at(0))
			change(&up)
			if _, ok := w.handle(up); ok {
				t.Errorf("%v: answered", why)
			}
		}
		w.rejected(why, 3)
		if n := strings.Count(w.log.String(), "\n"); n != 1 {
			t.Errorf("%v: %d log lines: %s", why, n, w.log)
		}
	}
	w := newWorld(t)
	up := w.uplink(5, at(0))
	up.Overrides.RX1DROffset = dfu.Some(7)
	if _, ok := w.handle(up); ok {
		t.Error("EU868 has no RX1 offset of 7")
	}
	w.rejected(lorawan.BadTag, 1)
}

// TestApplications: others' applications are left alone.
func TestApplications(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.cfg.ApplicationIDs = []string{"7"} })
	w.silent(5, at(0))
	w.rejected(lorawan.OtherOrigin, 1)
	up := w.uplink(5, at(0))
	up.Application = "7"
	if _, ok := w.handle(up); !ok {
		t.Error("ours")
	}
}

// TestShards: each device has exactly one gateway, and the shares are fair.
func TestShards(t *testing.T) {
	const of, devices = 3, 3000
	var gateways [of]*world
	for i := range gateways {
		gateways[i] = newWorld(t, func(s *settings) { s.shard = lorawan.Shard{Index: i, Of: of} })
	}
	var answered [of]int
	for n := range devices {
		owners := 0
		for i, w := range gateways {
			up := w.uplink(5, at(0))
			up.EUI = event.DevEUI{6: byte(n >> 8), 7: byte(n)}
			up.Name = up.EUI.String()
			if _, ok := w.handle(up); ok {
				owners++
				answered[i]++
			}
		}
		if owners != 1 {
			t.Fatalf("device %d has %d gateways", n, owners)
		}
	}
	for i, n := range answered {
		if n < devices/of*8/10 || gateways[i].Stats().Elsewhere.Load() != uint64(devices-n) {
			t.Errorf("gateway %d answers %d of %d", i, n, devices)
		}
	}
}

// TestFrameCounters: an uplink is answered once.
func TestFrameCounters(t *testing.T) {
	w := newWorld(t)
	send := func(fCnt uint32) bool {
		up := w.uplink(5, at(0))
		up.FCnt = fCnt
		dl, ok := w.handle(up)
		if ok {
			w.acked(dl)
		}
		return ok
	}
	for i, tt := range []struct {
		fCnt                uint32
		answered            bool
		duplicate, replayed uint64
	}{
		{10, true, 0, 0}, {10, false, 1, 0}, {11, true, 1, 0}, {9, false, 1, 1}, {9, false, 1, 2},
		{10, false, 1, 3}, {12, true, 1, 3}, // a replay does not count up for long
		{0, true, 1, 3}, {0, false, 2, 3}, {1, true, 2, 3}, // a reset
		{50, true, 2, 3}, {20, false, 2, 4}, {22, false, 2, 5},
		{23, true, 2, 5}, // a new session, its join was missed
		{24, true, 2, 5},
	} {
		if send(tt.fCnt) != tt.answered {
			t.Errorf("step %d, frame counter %d: answered %v", i, tt.fCnt, !tt.answered)
		}
		w.rejected(lorawan.Duplicate, tt.duplicate)
		w.rejected(lorawan.Replayed, tt.replayed)
	}
	w.handle(event.Joined{Device: sensor})
	if !send(5) {
		t.Error("after a join frame counters start over")
	}
}

// TestBudget: when the airtime is used up, updates go on and none begins.
func TestBudget(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.cfg.AirtimeBudget = 0.001 }) // 3.6 s an hour
	offset := 0
	for range 2 { // 2.8 s each
		cmd, dl := w.ask(0, at(offset))
		offset += w.write(cmd, offset)
		w.acked(dl)
	}
	cmd, _ := w.ask(0, at(offset)) // under way
	w.write(cmd, offset)
	other := w.uplink(0, at(0))
	other.Device.EUI[0], other.Device.Name = 9, "sensor-9"
	if _, ok := w.handle(other); ok {
		t.Error("an update began without a budget")
	}
	if w.Stats().Deferred.Load() != 1 {
		t.Error("not counted")
	}
	w.now = w.now.Add(time.Hour)
	other.FCnt++
	if _, ok := w.handle(other); !ok {
		t.Error("an hour later there is a budget again")
	}
}

// TestManyDevices: rows and table take a fleet.
func TestManyDevices(t *testing.T) {
	w := newWorld(t)
	for n := range 10_000 {
		up := w.uplink(5, at(0))
		up.EUI = event.DevEUI{5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n)}
		up.Name = up.EUI.String()
		if _, ok := w.handle(up); !ok {
			t.Fatalf("device %d: silence", n)
		}
	}
}
