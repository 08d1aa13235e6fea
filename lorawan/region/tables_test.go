package region

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// table is one region of testdata/lorawan-payload-sizes.txt.
type table struct {
	name    string
	rx2     int
	columns []Config
	sizes   map[int][]string // by data rate: a cell per column
	rx1     map[int][]int    // by uplink data rate: a value per offset
}

func readTables(t *testing.T) []*table {
	t.Helper()
	b, err := os.ReadFile("testdata/lorawan-payload-sizes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var tables []*table
	for _, part := range strings.Split(string(b), "#### ")[1:] {
		tables = append(tables, readTable(t, part))
	}
	if len(tables) != 10 {
		t.Fatalf("%d regions", len(tables))
	}
	return tables
}

func readTable(t *testing.T, text string) *table {
	lines := strings.Split(text, "\n")
	tb := &table{name: strings.Fields(lines[0])[0], sizes: map[int][]string{}, rx1: map[int][]int{}}
	_, rx2, _ := strings.Cut(lines[0], " Hz DR")
	tb.rx2 = number(t, rx2[:strings.IndexByte(rx2, ';')])
	for _, line := range lines[1:] {
		switch {
		case strings.HasPrefix(line, "| DR "):
			for _, head := range cells(line)[2:] {
				tb.columns = append(tb.columns, column(t, tb.name, head))
			}
		case strings.HasPrefix(line, "| "):
			row := cells(line)
			tb.sizes[number(t, row[0])] = row[2:]
		case strings.HasPrefix(line, "up DR"):
			dr, offsets, _ := strings.Cut(strings.TrimPrefix(line, "up DR"), " -> ")
			for _, field := range strings.Fields(offsets) {
				tb.rx1[number(t, dr)] = append(tb.rx1[number(t, dr)], number(t, field))
			}
		}
	}
	return tb
}

func cells(line string) []string {
	parts := strings.Split(strings.Trim(line, "| "), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// column reads a head like "1.0.3/A N-rep+dwell".
func column(t *testing.T, name, head string) Config {
	version, kind, ok := strings.Cut(head, " ")
	mac, reg, ok2 := strings.Cut(version, "/")
	if !ok || !ok2 {
		t.Fatalf("column %q", head)
	}
	if strings.HasPrefix(reg, "1.") {
		reg = "RP002-" + reg
	}
	return Config{
		Region: name, MACVersion: mac, RegParams: reg,
		Repeater: strings.Contains(kind, "rep"), DownlinkDwellTime: strings.Contains(kind, "dwell"),
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func region(t *testing.T, c Config) *Region {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPayloadSizes(t *testing.T) {
	count := 0
	for _, tb := range readTables(t) {
		for i, c := range tb.columns {
			r := region(t, c)
			if r.rx2 != tb.rx2 {
				t.Errorf("%s: RX2 at DR%d, want DR%d", tb.name, r.rx2, tb.rx2)
			}
			for dr := -1; dr <= 16; dr++ {
				checkSize(t, r, dr, tb.sizes[dr], i)
				count++
			}
		}
	}
	if count < 500 {
		t.Errorf("only %d cells", count)
	}
}

func checkSize(t *testing.T, r *Region, dr int, row []string, i int) {
	got, err := r.maxPayload(dr)
	if row == nil {
		if r.defined(dr, uplink) || r.defined(dr, downlink) {
			t.Errorf("%s DR%d is not in the table", r.cfg.Region, dr)
		}
	} else if row[i] == "-" {
		if !errors.Is(err, ErrDataRate) {
			t.Errorf("%+v DR%d: %d, %v", r.cfg, dr, got, err)
		}
	} else if err != nil || got != number(t, row[i]) {
		t.Errorf("%+v DR%d: %d %v, want %s", r.cfg, dr, got, err, row[i])
	}
}

// undefined lists the cells of the tables that a device cannot reach, since
// the region does not define the data rate.
func undefined(region string, up, offset int) bool {
	switch region {
	case "KR920":
		return up > 5 || (up == 5 && offset == 7)
	case "IN865":
		return up == 7 && offset == 1
	}
	return false
}

func TestRX1(t *testing.T) {
	for _, tb := range readTables(t) {
		for up, row := range tb.rx1 {
			for offset, want := range row {
				r := region(t, Config{Region: tb.name, RX1DROffset: offset})
				got, err := r.DownlinkDR(up)
				if undefined(tb.name, up, offset) {
					if !errors.Is(err, ErrDataRate) {
						t.Errorf("%s DR%d offset %d: %d, %v", tb.name, up, offset, got, err)
					}
				} else if err != nil || got != want {
					t.Errorf("%s DR%d offset %d: %d, want %d: %v", tb.name, up, offset, got, want, err)
				}
			}
			if _, err := New(Config{Region: tb.name, RX1DROffset: len(row)}); err == nil {
				t.Errorf("%s: offset %d accepted", tb.name, len(row))
			}
		}
		for _, up := range []int{-1, 14, 15, 16, 255} {
			if _, err := region(t, Config{Region: tb.name}).DownlinkDR(up); !errors.Is(err, ErrDataRate) {
				t.Errorf("%s DR%d: %v", tb.name, up, err)
			}
		}
	}
}

// TestMaxDownlink derives every limit from the two tables: size of the RX1
// data rate, of RX2, and the smaller of both.
func TestMaxDownlink(t *testing.T) {
	for _, tb := range readTables(t) {
		for i, c := range tb.columns {
			for offset := range tb.rx1[0] {
				c.RX1DROffset = offset
				checkWindows(t, tb, c, i)
			}
		}
	}
}

func checkWindows(t *testing.T, tb *table, c Config, col int) {
	for _, w := range []Window{RX1, RX2, Both, ClassC} {
		c.Window = w
		r := region(t, c)
		for up, row := range tb.rx1 {
			if c.DownlinkDwellTime || undefined(tb.name, up, c.RX1DROffset) || !r.defined(up, uplink) {
				continue // dwell time shifts RX1 of AS923, which TestDwellTime tells
			}
			rx1, rx2 := number(t, tb.sizes[row[c.RX1DROffset]][col]), number(t, tb.sizes[tb.rx2][col])
			want := map[Window]int{RX1: rx1, RX2: rx2, Both: min(rx1, rx2), ClassC: rx2}[w]
			if got, err := r.MaxDownlink(up); err != nil || got != want {
				t.Errorf("%+v DR%d: %d %v, want %d", c, up, got, err, want)
			}
		}
	}
}
