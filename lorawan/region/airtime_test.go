package region

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func airtimeFile(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/lorawan-airtime.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var eu868 = Config{Region: "EU868"}

// TestAirtimeFrames checks the first table: frame lengths and their time on
// air with and without CRC, to the tenth of a millisecond.
func TestAirtimeFrames(t *testing.T) {
	r := region(t, eu868)
	lines := regexp.MustCompile(`(?m)^DR(\d) SF\d+ phy (\d+): ([\d.]+) / ([\d.]+) / ([\d.]+)`).
		FindAllStringSubmatch(airtimeFile(t), -1)
	if len(lines) != 9 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, m := range lines {
		dr, payload := number(t, m[1]), number(t, m[2])-Overhead
		up, err := r.UplinkAirtime(dr, payload)
		down, err2 := r.DownlinkAirtime(dr, payload)
		if err != nil || err2 != nil || !sameMillis(up, m[5]) || !sameMillis(down, m[4]) {
			t.Errorf("%s: up %v %v, down %v %v", m[0], up, err, down, err2)
		}
	}
}

// sameMillis allows for the library's rounding of a symbol to a nanosecond.
func sameMillis(d time.Duration, want string) bool {
	var ms float64
	_, err := fmt.Sscan(want, &ms)
	return err == nil && math.Abs(d.Seconds()*1000-ms) <= 0.051
}

// rows returns the cells of the table lines after the given heading.
func rows(text, heading string, n int) (rows [][]string) {
	_, text, _ = strings.Cut(text, heading)
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| ") && strings.Contains(line, "KiB") {
			rows = append(rows, cells(line))
		}
		if len(rows) == n {
			break
		}
	}
	return rows
}

var firmwareLimits = map[string]int{"DR0": 51, "DR3": 115, "DR5": 242}

// TestAirtimeOfUpdates checks the second table: what a unicast update costs.
func TestAirtimeOfUpdates(t *testing.T) {
	const status = 26 // bytes, the update Status that the table assumes
	r := region(t, eu868)
	rx2 := region(t, Config{Region: "EU868", Window: RX2})
	table := rows(airtimeFile(t), "| firmware | DR | data/Write B", 9)
	if len(table) != 9 {
		t.Fatalf("%d rows", len(table))
	}
	rx1Duty, err := r.DownlinkDuty()
	rx2Duty, err2 := rx2.DownlinkDuty()
	upDuty, err3 := r.UplinkDuty()
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		dr, writes := number(t, row[1][2:]), number(t, row[3])
		down, err := r.DownlinkAirtime(dr, firmwareLimits[row[1]])
		up, err2 := r.UplinkAirtime(dr, status)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for i, d := range []time.Duration{
			down, up,
			total(writes, down, rx1Duty), total(writes, down, rx2Duty), total(writes, up, upDuty),
			total(100*writes, down, rx1Duty), total(100*writes, down, rx2Duty),
			total(1000*writes, down, rx1Duty), total(1000*writes, down, rx2Duty),
		} {
			if !about(t, d, row[4+i]) {
				t.Errorf("%s %s column %d: %v, want %s", row[0], row[1], 4+i, d, row[4+i])
			}
		}
	}
}

// TestAirtimeOfMulticast checks the third table: fragments back to back and
// under a duty cycle.
func TestAirtimeOfMulticast(t *testing.T) {
	r := region(t, eu868)
	table := rows(airtimeFile(t), "FUOTA multicast", 9)
	if len(table) != 9 {
		t.Fatalf("%d rows", len(table))
	}
	for _, row := range table {
		frame, err := r.DownlinkAirtime(number(t, row[1][2:]), firmwareLimits[row[1]])
		if err != nil || number(t, row[2]) != firmwareLimits[row[1]]-3 {
			t.Fatal(row, err)
		}
		frames := number(t, row[4])
		for i, d := range []time.Duration{
			total(frames, frame, 1), total(frames, frame, 0.01), total(frames, frame, 0.1), total(frames, frame, 1),
		} {
			if !about(t, d, row[5+i]) {
				t.Errorf("%s %s column %d: %v, want %s", row[0], row[1], 5+i, d, row[5+i])
			}
		}
	}
}

func total(frames int, airtime time.Duration, duty float64) time.Duration {
	return time.Duration(frames) * MinInterval(airtime, duty)
}

var units = map[string]float64{
	"": 1, "s": 1, "min": 60, "h": 3600, "d": 86400, "y": 86400 * 365,
}

// about reports whether d is what want says, which has one or two decimals at
// most of its unit.
func about(t *testing.T, d time.Duration, want string) bool {
	t.Helper()
	value, unit, _ := strings.Cut(want, " ")
	var x float64
	if _, err := fmt.Sscan(value, &x); err != nil {
		t.Fatal(err)
	}
	got := d.Seconds() / units[unit]
	return math.Abs(got-x) <= halfDigit(value)
}

// halfDigit is half of the last digit of a decimal number.
func halfDigit(value string) float64 {
	_, decimals, _ := strings.Cut(value, ".")
	return 0.51 * math.Pow10(-len(decimals))
}

func TestAirtimeOfOtherModulations(t *testing.T) {
	r := region(t, eu868)
	// 50 kbit/s, 13+51 bytes of frame, 11 of preamble, sync word, length and CRC.
	if d, err := r.DownlinkAirtime(7, 51); err != nil || d != 12*time.Millisecond {
		t.Errorf("FSK: %v %v", d, err)
	}
	for _, bad := range []struct {
		config Config
		dr     int
	}{{eu868, 8}, {eu868, 12}, {eu868, -1}, {Config{Region: "ISM2400"}, 0}, {Config{Region: "US915"}, 8}} {
		if d, err := region(t, bad.config).UplinkAirtime(bad.dr, 10); !errors.Is(err, ErrDataRate) {
			t.Errorf("%s DR%d: %v %v", bad.config.Region, bad.dr, d, err)
		}
	}
	if _, err := region(t, Config{Region: "US915"}).DownlinkAirtime(0, 10); !errors.Is(err, ErrDataRate) {
		t.Errorf("downlink at an uplink's data rate: %v", err)
	}
}

func TestDutyCycle(t *testing.T) {
	tests := []struct {
		region    string
		frequency uint32
		want      float64
	}{
		{"EU868", 864_000_000, 0.001}, {"EU868", 867_100_000, 0.01}, {"EU868", 868_100_000, 0.01},
		{"EU868", 868_900_000, 0.001}, {"EU868", 869_525_000, 0.1}, {"EU868", 869_800_000, 0.01},
		{"EU433", 433_175_000, 0.01}, {"AS923-3", 916_800_000, 0.01}, {"RU864", 869_100_000, 0.01},
		{"US915", 923_300_000, 1}, {"IN865", 865_062_500, 1}, {"ISM2400", 2_423_000_000, 1},
	}
	for _, tt := range tests {
		if got, err := region(t, Config{Region: tt.region}).DutyCycle(tt.frequency); err != nil || got != tt.want {
			t.Errorf("%s at %d: %v %v, want %v", tt.region, tt.frequency, got, err, tt.want)
		}
	}
	for _, hz := range []uint32{0, 868_650_000, 869_300_000, 915_000_000} {
		if got, err := region(t, eu868).DutyCycle(hz); err == nil {
			t.Errorf("%d: %v", hz, got)
		}
	}
}

// TestDutyOfWindows: every region has a duty cycle on its default channels and
// in its default RX2.
func TestDutyOfWindows(t *testing.T) {
	for _, name := range Names() {
		for _, w := range windows {
			r := region(t, Config{Region: name, Window: Window(w)})
			up, err := r.UplinkDuty()
			down, err2 := r.DownlinkDuty()
			if err != nil || err2 != nil || up <= 0 || up > 1 || down <= 0 || down > 1 {
				t.Errorf("%s %s: up %v %v, down %v %v", name, w, up, err, down, err2)
			}
		}
	}
}

func TestMinInterval(t *testing.T) {
	if got := MinInterval(100*time.Millisecond, 0.01); got != 10*time.Second {
		t.Errorf("%v", got)
	}
}
