package dfu

import (
	"encoding/binary"
	"math"
)

// The major types of CBOR (RFC 8949 section 3.1).
const (
	majorUint byte = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple // booleans, null, undefined, floats and the break
)

const null = 0xf6

// appendHead appends the shortest head. 32 bits are enough for every length,
// since no firmware is longer than its last offset can tell.
func appendHead(b []byte, major byte, arg uint32) []byte {
	major <<= 5
	switch {
	case arg < 24:
		return append(b, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(b, major|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(arg))
	}
	return binary.BigEndian.AppendUint32(append(b, major|26), arg)
}

// headLen returns how many bytes appendHead appends.
func headLen(arg uint32) int {
	switch {
	case arg < 24:
		return 1
	case arg <= math.MaxUint8:
		return 2
	case arg <= math.MaxUint16:
		return 3
	}
	return 5
}

func appendBytes(b, s []byte) []byte {
	return append(appendHead(b, majorBytes, uint32(len(s))), s...)
}

func bytesLen(s []byte) int { return headLen(uint32(len(s))) + len(s) }

func appendOptional(b []byte, o Optional) []byte {
	if !o.Set {
		return append(b, null)
	}
	return appendHead(b, majorUint, o.Value)
}

func optionalLen(o Optional) int {
	if !o.Set {
		return 1
	}
	return headLen(o.Value)
}
