package region

import (
	"errors"
	"strings"
	"testing"
)

func at(dr int) *int { return &dr }

// TestMeasured holds what a real network server delivered and what it dropped.
func TestMeasured(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   map[int]int // by uplink data rate
	}{
		{"EU868", Config{Region: "EU868"}, map[int]int{0: 51, 1: 51, 2: 51, 3: 115, 4: 242, 5: 242}},
		{"repeater", Config{Region: "EU868", Repeater: true}, map[int]int{4: 222, 5: 222}},
		{"offset 3", Config{Region: "EU868", RX1DROffset: 3}, map[int]int{3: 51, 5: 51}},
		{"RX2", Config{Region: "EU868", Window: RX2}, map[int]int{0: 51, 3: 51, 5: 51}},
		{"RX2 at DR3", Config{Region: "EU868", Window: RX2, RX2DR: at(3)}, map[int]int{0: 115, 5: 115}},
		{"both", Config{Region: "EU868", Window: Both}, map[int]int{0: 51, 3: 51, 5: 51}},
		{"both, RX2 at DR3", Config{Region: "EU868", Window: Both, RX2DR: at(3)}, map[int]int{0: 51, 3: 115, 5: 115}},
		{"class C", Config{Region: "EU868", Window: ClassC}, map[int]int{5: 51}},
		{"US915", Config{Region: "US915"}, map[int]int{0: 242, 1: 242, 2: 242, 3: 242}},
		{"US915 RX2", Config{Region: "US915", Window: RX2}, map[int]int{0: 53, 3: 53}},
		{"AS923", Config{Region: "AS923"}, map[int]int{2: 51, 3: 115}},
		{"AS923 RP002", Config{Region: "AS923", MACVersion: "1.0.4", RegParams: "RP002-1.0.3"}, map[int]int{2: 115}},
	}
	for _, tt := range tests {
		r := region(t, tt.config)
		for dr, want := range tt.want {
			if got, err := r.MaxDownlink(dr); err != nil || got != want {
				t.Errorf("%s: DR%d: %d %v, want %d", tt.name, dr, got, err, want)
			}
		}
	}
}

// TestDwellTime: in AS923 the dwell time also keeps RX1 at DR2 or faster.
func TestDwellTime(t *testing.T) {
	tests := []struct {
		region string
		want   []int // by uplink data rate
	}{
		{"AS923", []int{11, 11, 11, 53, 125, 242}},
		{"AU915", []int{53, 129, 242, 242, 242, 242, 242}},
	}
	for _, tt := range tests {
		r := region(t, Config{Region: tt.region, DownlinkDwellTime: true})
		for dr, want := range tt.want {
			if got, err := r.MaxDownlink(dr); err != nil || got != want {
				t.Errorf("%s DR%d: %d %v, want %d", tt.region, dr, got, err, want)
			}
		}
	}
	r := region(t, Config{Region: "AS923", DownlinkDwellTime: true, Window: RX2, RX2DR: at(0)})
	if got, err := r.MaxDownlink(5); got != 0 || err != nil {
		t.Errorf("RX2 at DR0: %d, %v", got, err)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		config Config
		want   string
	}{
		{Config{}, `unknown LoRaWAN region ""`},
		{Config{Region: "eu868"}, "known are EU868, US915"},
		{Config{Region: "EU868", MACVersion: "1.0.33"}, "mac_version: \"1.0.33\": want 1.0.0, 1.0.1"},
		{Config{Region: "EU868", RegParams: "a"}, "reg_params: \"a\": want A, B, C, RP002-1.0.0"},
		{Config{Region: "EU868", Window: "rx3"}, "window: \"rx3\": want rx1, rx2, rx1+rx2 or class_c"},
		{Config{Region: "EU868", RX1DROffset: 6}, "rx1_dr_offset: 6 is no offset"},
		{Config{Region: "EU868", RX1DROffset: -1}, "rx1_dr_offset: -1 is no offset"},
		{Config{Region: "EU868", RX2DR: at(12)}, "rx2_dr: 12 is no data rate"},
		{Config{Region: "EU868", RX2DR: at(-1)}, "rx2_dr: -1 is no data rate"},
		{Config{Region: "EU868", RX2DR: at(8)}, "rx2_dr: 8 is no data rate"}, // uplinks only
		{Config{Region: "US915", RX2DR: at(0)}, "rx2_dr: 0 is no data rate"}, // uplinks only
		{Config{Region: "US915", DownlinkDwellTime: true}, "only in AS923 and AU915"},
	}
	for _, tt := range tests {
		if _, err := New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
	if _, err := New(Config{Region: "MARS"}); !errors.Is(err, ErrRegion) {
		t.Error(err)
	}
}

func TestWithRX1DROffset(t *testing.T) {
	network := region(t, Config{Region: "EU868"})
	device, err := network.WithRX1DROffset(3)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := network.MaxDownlink(5)
	b, _ := device.MaxDownlink(5)
	if a != 242 || b != 51 {
		t.Errorf("network %d, device %d", a, b)
	}
	if _, err := network.WithRX1DROffset(6); err == nil {
		t.Error("offset 6 accepted")
	}
}

// TestUplinkOnly: a data rate of downlinks is no data rate of an uplink.
func TestUplinkOnly(t *testing.T) {
	r := region(t, Config{Region: "US915", Window: RX2})
	for _, dr := range []int{8, 12, 13} {
		if _, err := r.MaxDownlink(dr); !errors.Is(err, ErrDataRate) || !strings.Contains(err.Error(), "US915") {
			t.Errorf("DR%d: %v", dr, err)
		}
	}
}

func TestUplinkDR(t *testing.T) {
	tests := []struct {
		region string
		rate   DataRate
		want   int
	}{
		{"EU868", DataRate{SpreadingFactor: 12, Bandwidth: 125000}, 0},
		{"EU868", DataRate{SpreadingFactor: 7, Bandwidth: 125000}, 5},
		{"EU868", DataRate{SpreadingFactor: 7, Bandwidth: 250000}, 6},
		{"EU868", DataRate{BitRate: 50000}, 7},
		{"EU868", DataRate{CodingRate: "1/3", ChannelWidth: 137000}, 8},
		{"EU868", DataRate{CodingRate: "2/3", ChannelWidth: 336000}, 11},
		{"US915", DataRate{SpreadingFactor: 10, Bandwidth: 125000}, 0},
		{"US915", DataRate{SpreadingFactor: 8, Bandwidth: 500000}, 4},
		{"AU915", DataRate{SpreadingFactor: 8, Bandwidth: 500000}, 6},
		{"ISM2400", DataRate{SpreadingFactor: 12, Bandwidth: 812000}, 0},
	}
	for _, tt := range tests {
		for range 20 { // the library looks it up in a map
			if got, err := region(t, Config{Region: tt.region}).UplinkDR(tt.rate); err != nil || got != tt.want {
				t.Fatalf("%s %s: DR%d %v, want DR%d", tt.region, tt.rate, got, err, tt.want)
			}
		}
	}
	r := region(t, Config{Region: "US915"})
	for _, bad := range []DataRate{{}, {SpreadingFactor: 12, Bandwidth: 125000}, {BitRate: 50000}, {ChannelWidth: 1}} {
		if _, err := r.UplinkDR(bad); !errors.Is(err, ErrDataRate) || !strings.Contains(err.Error(), bad.String()) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestByConfigID(t *testing.T) {
	for id, want := range map[string]string{
		"eu868": "EU868", "us915_0": "US915", "us915_7": "US915", "au915_1": "AU915", "as923": "AS923",
		"as923_2": "AS923-2", "as923_4": "AS923-4", "cn470_11": "CN470", "ism2400": "ISM2400", "EU868": "EU868",
	} {
		if got, ok := ByConfigID(id); !ok || got != want {
			t.Errorf("%s: %s %v", id, got, ok)
		}
	}
	for _, id := range []string{"", "site-a", "_", "eu", "eu8689"} {
		if got, ok := ByConfigID(id); ok {
			t.Errorf("%s taken for %s", id, got)
		}
	}
	for _, name := range Names() {
		if _, err := New(Config{Region: name}); err != nil {
			t.Error(err)
		}
	}
}

func FuzzRegion(f *testing.F) {
	f.Add("EU868", "1.0.3", "A", 0, 5, 51)
	f.Add("AS923", "1.0.4", "RP002-1.0.3", 7, 2, 11)
	f.Fuzz(func(t *testing.T, name, mac, reg string, offset, dr, payload int) {
		r, err := New(Config{Region: name, MACVersion: mac, RegParams: reg, RX1DROffset: offset})
		if err != nil {
			return
		}
		if n, err := r.MaxDownlink(dr); err == nil && (n < 0 || n > 242) {
			t.Errorf("%d bytes", n)
		}
		if d, err := r.UplinkAirtime(dr, payload&0xff); err == nil && d <= 0 {
			t.Errorf("%v on the air", d)
		}
		ByConfigID(name)
	})
}
