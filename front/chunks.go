package front

import (
	"cmp"
	"math/bits"

	"havn/fault"
	"havn/update"
)

// Flash words, bytes.
const (
	DefaultAlign = 4   // of most microcontrollers
	MaxAlign     = 256 // the page of an external flash
)

// Chunks is how much firmware one Write carries.
type Chunks struct {
	WriteSize int `yaml:"write_size"` // most data in one Write, bytes
	Align     int `yaml:"align"`      // flash word, bytes: Writes are multiples of it; default 4
}

// Or takes from base the numbers that c leaves out, which are 0.
func (c Chunks) Or(base Chunks) Chunks {
	return Chunks{cmp.Or(c.WriteSize, base.WriteSize), cmp.Or(c.Align, base.Align)}
}

// Validate returns what is wrong with c, in which no number is left out: a device
// takes whole flash words, and the link at the most most bytes.
func (c Chunks) Validate(most int) (faults fault.List) {
	faults.Number("write_size", c.WriteSize, 1, most)
	if isFlashWord(c.Align) && c.WriteSize > 0 && c.WriteSize < c.Align {
		faults.Add("write_size", "%d is less than align, which is %d: a chunk is at least one flash word",
			c.WriteSize, c.Align)
	}
	faults.Below("", ValidateAlign(c.Align))
	return faults
}

// ValidateAlign returns what is wrong with the length of a flash word.
func ValidateAlign(align int) (faults fault.List) {
	if !isFlashWord(align) {
		faults.Add("align", "%d is not a flash word: want 1, 2, 4, 8, 16, 32, 64, 128 or 256 bytes", align)
	}
	return faults
}

func isFlashWord(n int) bool { return n > 0 && n <= MaxAlign && bits.OnesCount(uint(n)) == 1 }

// Limits returns what a Command may be that has room for payload bytes.
func (c Chunks) Limits(payload int) update.Limits {
	return update.Limits{Payload: payload, Write: uint32(c.WriteSize), Align: uint32(c.Align)}
}
