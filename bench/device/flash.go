package device

import (
	"bytes"
	"slices"
)

// Limits of the device family.
const (
	DefaultFlashWord = 4        // bytes; as on STM32 and nRF. 1 on the RP2040
	maxVersion       = 16       // bytes that fit a version in RAM
	maxFlash         = 64 << 20 // bytes; larger images are refused
	erased           = 0xff     // what flash reads after an erase
)

// flash is the part of a device that receives an image. Like the real one it
// keeps an offset of its own, which moves by whole words.
type flash struct {
	word          uint32
	resetsOnStart bool

	area    []byte // erased by start, survives a reboot
	started bool   // in RAM, as what follows
	version string // being written
	offset  uint32 // next to be written
}

// start erases the flash for an image. It does not go back to its beginning,
// unless the device is one of those that do.
func (f *flash) start(version string) {
	f.started, f.version = true, version
	for i := range f.area {
		f.area[i] = erased
	}
	if f.resetsOnStart {
		f.offset = 0
	}
}

// write programs one block, or refuses it with a Violation.
func (f *flash) write(offset uint32, block []byte) error {
	n := uint32(len(block))
	padded := (n + f.word - 1) / f.word * f.word
	switch {
	case n > f.word && n != padded:
		return Broken(Unaligned, "%d bytes at %d, the flash word has %d", n, offset, f.word)
	case offset != f.offset:
		return Broken(WrongOffset, "%d, the flash is at %d", offset, f.offset)
	case padded > maxFlash-min(offset, maxFlash):
		return Broken(Overrun, "%d bytes at %d, the flash has %d", n, offset, maxFlash)
	}
	f.offset += padded
	if gap := int(f.offset) - len(f.area); gap > 0 {
		f.area = append(slices.Grow(f.area, gap), make([]byte, gap)...)
	}
	clear(f.area[offset+n : f.offset])
	copy(f.area[offset:], block)
	return nil
}

// image returns a copy of the first size bytes.
func (f *flash) image(size uint32) []byte {
	return bytes.Clone(f.area[:min(int(size), len(f.area))])
}

// forget loses what is in RAM.
func (f *flash) forget() { f.started, f.version, f.offset = false, "", 0 }
