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
)

// Chunks is how much firmware one downlink carries. What is 0 has its default.
type Chunks struct {
	WriteSize WriteSize `yaml:"write_size"` // most data in one Write; default auto
	// Margin is what a Write leaves free of the frame, bytes 0..15: MAC commands
	// share it, and where they find no room the network server sends them alone.
	// The final Swap has the whole frame, as it cannot be cut.
	Margin int `yaml:"margin"`
	Align  int `yaml:"align"` // flash word, bytes: Writes are multiples of it; default 4
	// DataRates is the most data in one Write by uplink data rate.
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

const maxDR = 15

// Validate returns what is wrong with c, in which align is not left out.
func (c Chunks) Validate() (faults fault.List) {
	if c.WriteSize != 0 {
		faults.Below("", front.Chunks{WriteSize: int(c.WriteSize), Align: c.Align}.Validate(event.MaxPayload))
	} else {
		faults.Below("", front.ValidateAlign(c.Align))
	}
	faults.Number("margin", c.Margin, 0, maxFOpts)
	for _, dr := range slices.Sorted(maps.Keys(c.DataRates)) {
		key := fmt.Sprintf("data_rates.%d", dr)
		if dr < 0 || dr > maxDR {
			faults.Add(key, "%d is no data rate: want 0 to %d", dr, maxDR)
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
	size := event.MaxPayload
	if c.WriteSize > 0 {
		size = int(c.WriteSize)
	}
	if limit, ok := c.DataRates[dr]; ok {
		size = min(size, limit)
	}
	return size
}
