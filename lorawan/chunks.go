package lorawan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"havn/fault"
	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Chunks is how much firmware one downlink carries. A number that is 0 has its default.
type Chunks struct {
	WriteSize WriteSize `yaml:"write_size"` // most data in one Write; default auto
	// Margin is how many bytes of the frame a Write leaves free for MAC commands,
	// 0..15. Where MAC commands find no room, the network server sends them alone and
	// keeps the Write. A Swap may fill the frame, as it cannot be cut.
	Margin int `yaml:"margin"`
	Align  int `yaml:"align"` // flash word, bytes: Writes are multiples of it; default 4
	// DataRates is the most data in one Write, by the data rate of the uplink.
	DataRates map[int]int `yaml:"data_rates"`
}

// WriteSize is a number of bytes, or 0: as much as region and data rate allow.
type WriteSize int

const auto = "auto"

// UnmarshalText reads a number of bytes, or auto.
func (w *WriteSize) UnmarshalText(b []byte) error {
	*w = 0
	if string(b) == auto {
		return nil
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || n > event.MaxPayload {
		return fmt.Errorf("%q: want a number within 1..%d, or %s", b, event.MaxPayload, auto)
	}
	*w = WriteSize(n)
	return nil
}

// String returns what UnmarshalText reads.
func (w WriteSize) String() string {
	if w == 0 {
		return auto
	}
	return strconv.Itoa(int(w))
}

// MarshalText writes what String returns.
func (w WriteSize) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// maxFOpts is the most MAC commands in a frame that has a payload, in bytes
// (LoRaWAN 1.0.x section 4.3.1.6).
const maxFOpts = 15

// Validate returns what is wrong with c, in which Align is set.
func (c Chunks) Validate() (faults fault.List) {
	if c.WriteSize != 0 {
		faults.Below("", front.Chunks{WriteSize: int(c.WriteSize), Align: c.Align}.Validate(event.MaxPayload))
	} else {
		faults.Below("", front.ValidateAlign(c.Align))
	}
	faults.Number("margin", c.Margin, 0, maxFOpts)
	for _, dr := range slices.Sorted(maps.Keys(c.DataRates)) {
		key := fmt.Sprintf("data_rates.%d", dr)
		if dr < 0 || dr > region.MaxDR {
			faults.Add(key, "%d is no data rate: want 0 to %d", dr, region.MaxDR)
		}
		faults.Number(key, c.DataRates[dr], 1, event.MaxPayload)
	}
	return faults
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Chunks) WithDefaults() Chunks {
	c.Align = cmp.Or(c.Align, front.DefaultAlign)
	return c
}

// write returns the most data in a Write after an uplink at dr.
func (c *Chunks) write(dr int) int {
	size := cmp.Or(int(c.WriteSize), event.MaxPayload)
	if limit, ok := c.DataRates[dr]; ok {
		size = min(size, limit)
	}
	return size
}
