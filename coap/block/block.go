package block

import (
	"errors"
	"math/bits"
)

// One sentinel per reaction of a server.
var (
	// ErrLength: longer than an option of this kind can be, so the option is
	// treated as one that is not understood (RFC 7252 section 5.4.3).
	ErrLength = errors.New("block option longer than 3 bytes")
	// ErrReserved: SZX 7 has no meaning over UDP (RFC 7959 section 2.2).
	ErrReserved = errors.New("block size exponent 7 is reserved")
)

// Limits of the option.
const (
	MaxLen = 3         // bytes of a value
	MaxNUM = 1<<20 - 1 // the last block that can be named
)

// SZX is a block size in the form of the wire: its exponent less four.
type SZX uint8

// The smallest and the largest block.
const (
	MinSZX SZX = 0 // 16 bytes
	MaxSZX SZX = 6 // 1024 bytes
)

// ForSize returns the largest block size that is not above n bytes, and the
// smallest one for an n below that.
func ForSize(n int) SZX {
	n = min(max(n, MinSZX.Size()), MaxSZX.Size())
	return SZX(bits.Len(uint(n)) - 5)
}

// Fitting returns the smallest block size that carries a body of size bytes,
// and false if even the largest does not.
func Fitting(size uint32) (SZX, bool) {
	for s := MinSZX; s <= MaxSZX; s++ {
		if s.Carries(size) {
			return s, true
		}
	}
	return MaxSZX, false
}

// Size returns the bytes of one block.
func (s SZX) Size() int { return 16 << s }

// Carries reports whether MaxNUM+1 blocks of this size hold size bytes.
func (s SZX) Carries(size uint32) bool { return uint64(size) <= (MaxNUM+1)<<(s+4) }

// Value is a Block1 or Block2 option: a block and its size. The zero value is
// the first block of 16 bytes, with none after it.
type Value struct {
	NUM uint32 // 0..MaxNUM
	M   bool   // more blocks follow; means nothing in a request for a block
	SZX SZX
}

// Parse reads an option value. It fails with ErrLength or ErrReserved.
func Parse(b []byte) (Value, error) {
	n, ok := ParseUint(b)
	if !ok || len(b) > MaxLen {
		return Value{}, ErrLength
	}
	v := Value{NUM: n >> 4, M: n&8 != 0, SZX: SZX(n & 7)}
	if v.SZX > MaxSZX {
		return Value{}, ErrReserved
	}
	return v, nil
}

// Append appends the shortest form of v, 0 to 3 bytes.
func (v Value) Append(b []byte) []byte {
	n := v.NUM<<4 | uint32(v.SZX)
	if v.M {
		n |= 8
	}
	return AppendUint(b, n)
}

// Offset returns where the block starts; below 2^30.
func (v Value) Offset() uint32 { return v.NUM << (v.SZX + 4) }

// Within returns the block of at most the given size that starts where v
// starts. Its NUM may exceed MaxNUM: then the body has more blocks than the
// smaller size can name, which [SZX.Carries] tells beforehand.
func (v Value) Within(limit SZX) Value {
	if limit < v.SZX {
		v.NUM <<= v.SZX - limit
		v.SZX = limit
	}
	return v
}

// ParseUint reads an option value of format uint (RFC 7252 section 3.2), up to
// four bytes; leading zeros are accepted.
func ParseUint(b []byte) (n uint32, ok bool) {
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n, len(b) <= 4
}

// AppendUint appends the shortest form of n, 0 to 4 bytes.
func AppendUint(b []byte, n uint32) []byte {
	for shift := (bits.Len32(n) + 7) / 8 * 8; shift > 0; {
		shift -= 8
		b = append(b, byte(n>>shift))
	}
	return b
}
