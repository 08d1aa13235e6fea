package file

import (
	"bytes"
	"encoding/hex"
)

// LooksLike names the format of a file that holds firmware without being what
// a device writes to its flash: "Intel HEX", "ELF" or "UF2". It returns "" for
// a raw binary. The first 1 KiB of the file is enough.
func LooksLike(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x7fELF")):
		return "ELF"
	case bytes.HasPrefix(b, []byte("UF2\n\x57\x51\x5d\x9e")):
		return "UF2"
	case intelHex(b):
		return "Intel HEX"
	}
	return ""
}

// intelHex reports whether b starts with a record ":LLAAAATT<data>CC": LL bytes
// of data, address, type, and a checksum that makes the sum of all bytes 0.
func intelHex(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	digits, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r"), []byte(":"))
	if !ok {
		return false
	}
	record := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(record, digits); err != nil {
		return false
	}
	if len(record) < 5 || len(record) != 5+int(record[0]) {
		return false
	}
	sum := byte(0)
	for _, v := range record {
		sum += v
	}
	return sum == 0
}
