package dfu_test

import (
	"testing"

	"havn/dfu"
)

type overheadRow struct {
	VersionLen    int     `json:"version_len"`
	OffsetClass   string  `json:"offset_class"`
	CorrelationID *uint32 `json:"cid"`
	DataLen       int     `json:"data_len"`
	Minimal       int
}

type maxDataRow struct {
	N           int    // payload bytes
	VersionLen  int    `json:"version_len"`
	OffsetClass string `json:"offset_class"`
	Max         int    `json:"minimal_max_data"`
	MaxMult4    int    `json:"minimal_max_data_mult4"`
}

// offsets are the bounds of the vectors' offset classes.
var offsets = map[string][]uint32{
	"0..23":      {0, 23},
	"24..255":    {24, 255},
	"256..65535": {256, 65535},
	"65536..":    {65536, 1<<32 - 1},
}

func write(version int, offset uint32, cid dfu.Optional) dfu.Command {
	return dfu.Command{
		Op: dfu.OpWrite, Version: make([]byte, version), Offset: offset, CorrelationID: cid,
	}
}

func TestWriteOverhead(t *testing.T) {
	rows := loadVectors(t).WriteOverhead.BytesBesidesData
	for _, row := range rows {
		for _, offset := range offsets[row.OffsetClass] {
			c := write(row.VersionLen, offset, optional(row.CorrelationID))
			c.Data = make([]byte, row.DataLen)
			if got := c.Len() - row.DataLen; got != row.Minimal {
				t.Errorf("%+v, offset %d: Len says %d", row, offset, got)
			}
			if got := len(c.Append(nil)) - row.DataLen; got != row.Minimal {
				t.Errorf("%+v, offset %d: Append wrote %d", row, offset, got)
			}
		}
	}
	wantCount(t, "rows", len(rows), 320)
}

func TestMaxDataVectors(t *testing.T) {
	rows := loadVectors(t).WriteOverhead.MaxData
	for _, row := range rows {
		for _, offset := range offsets[row.OffsetClass] {
			got := write(row.VersionLen, offset, dfu.Optional{}).MaxData(row.N)
			if got != row.Max {
				t.Errorf("%+v, offset %d: got %d", row, offset, got)
			}
			if got -= max(got, 0) % 4; got != row.MaxMult4 {
				t.Errorf("%+v, offset %d: got %d by fours", row, offset, got)
			}
		}
	}
	wantCount(t, "rows", len(rows), 304)
}

// The limit is exact where the head of the data grows, and everywhere else.
func TestMaxData(t *testing.T) {
	data := make([]byte, 1<<17)
	ranges := [][2]int{{-3, 600}, {65500, 65600}, {131000, 131020}}
	for _, c := range []dfu.Command{
		write(0, 0, dfu.Optional{}),
		write(5, 300, dfu.Some(0)),
		write(16, 1<<20, dfu.Some(1<<32-1)),
		write(300, 24, dfu.Optional{}),
	} {
		for _, span := range ranges {
			for payload := span[0]; payload < span[1]; payload++ {
				n := c.MaxData(payload)
				if n >= 0 && lenWith(c, data[:n]) > payload {
					t.Errorf("%d bytes of data do not fit in %d", n, payload)
				}
				if lenWith(c, data[:n+1]) <= payload {
					t.Errorf("%d bytes of data would fit in %d too", n+1, payload)
				}
			}
		}
	}
}

func lenWith(c dfu.Command, data []byte) int {
	c.Data = data
	return c.Len()
}

// MaxData asks for a Write's other fields only, whatever c is.
func TestMaxDataIgnoresData(t *testing.T) {
	c := write(5, 300, dfu.Optional{})
	want := c.MaxData(51)
	c.Op, c.Data, c.Checksum, c.Poll = dfu.OpSwap, make([]byte, 99), make([]byte, 32), 7
	if got := c.MaxData(51); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
