package dfu_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"havn/dfu"
)

// An operator reads these in the log of a device that sends something else.
func TestStatusErrors(t *testing.T) {
	for _, tt := range []struct{ name, input, want string }{
		{"empty", "", "byte 0: truncated"},
		{"cut in a string", "a1004276", "byte 4: version: truncated"},
		{"null", "f6", "byte 0: want a map or an array, found a boolean, null, undefined or a float"},
		{"version is text", "a1006176", "byte 2: version: want a byte string, found a text string"},
		{"version in chunks", "a1005f4176ff", "byte 2: version: a byte string of indefinite length"},
		{"version missing", "a1011820", "byte 4: version is missing"},
		{"version missing in update", "a200417603a10105", "byte 8: version is missing"},
		{"offset is negative", "a200417603a20041770120",
			"byte 10: offset: want an unsigned integer, found a negative integer"},
		{"mtu is too large", "a2004176011b0000000100000000",
			"byte 5: mtu: 4294967296 is more than 32 bits"},
		{"mtu twice", "a300417601050105", "byte 6: mtu: given twice"},
		{"key is negative", "a20041762005",
			"byte 4: want a number or a name, found a negative integer"},
		{"key is not UTF-8", "a200417661ff05", "byte 4: text is not UTF-8"},
		{"array too short", "8341761820f6", "byte 6: want an array of exactly 4 elements"},
		{"array too long", "8541761820f6f600", "byte 7: want an array of exactly 4 elements"},
		{"simple value", "a200417604f820", "byte 5: 0xf8 starts no data item"},
		{"break", "a100ff", "byte 2: version: 0xff starts no data item"},
		{"trailing bytes", "a10041760000", "byte 4: the message ends here, but 2 bytes follow"},
		{"mixed chunks", "a20041767f416fff00",
			"byte 5: a chunk must be a text string of definite length"},
		{"deep tags", strings.Repeat("c1", 127) + "a1004176", "byte 127: nested more than 127 deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dfu.ParseStatus(unhex(t, tt.input))
			wantError(t, err, tt.want)
		})
	}
}

func TestCommandErrors(t *testing.T) {
	for _, tt := range []struct{ name, input, want string }{
		{"null", "f6", "byte 0: want a map of one command"},
		{"two commands", "a202844176f60542aabb00a0", "byte 0: want a map of one command"},
		{"unknown number", "a104a0", "byte 1: unknown command"},
		{"unknown name", "a1657772697465a0", "byte 1: unknown command"},
		{"null body", "a100f6",
			"byte 2: want a map or an array, found a boolean, null, undefined or a float"},
		{"data missing", "a102a20041760205", "byte 8: data is missing"},
		{"array goes on", "9f00a000ff", "byte 3: want the end of the command's array"},
		{"nested chunks", "a102844176f6055f5f41aaffff",
			"byte 8: data: a chunk must be a byte string of definite length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dfu.ParseCommand(unhex(t, tt.input))
			wantError(t, err, tt.want)
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	want = dfu.ErrMalformed.Error() + ": " + want
	if !errors.Is(err, dfu.ErrMalformed) || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// What the vectors do not hold, as the reference decoder was seen to treat it.
func TestParseBeyondVectors(t *testing.T) {
	base := dfu.Status{Version: []byte("v")}
	for name, input := range map[string]string{
		"key in byte chunks":            "a15f4776657273696f6eff4176",
		"code point split by chunks":    "a2004176047f61c361a9ff",
		"negative beyond 64 bits":       "a2004176043bffffffffffffffff",
		"map as a key of an unknown":    "a2004176 04 a1a1000000",
		"map left before the next item": "a3004176 04a20081000000 05" + "80",
	} {
		t.Run(name, func(t *testing.T) {
			sameStatus(t, unhex(t, strings.ReplaceAll(input, " ", "")), base)
		})
	}
}

// nested is n arrays inside each other.
func nested(n int) []byte { return append(bytes.Repeat([]byte{0x81}, n-1), 0x80) }

// Depth counts what stands around an item, not what was passed before it.
func TestDepthIsLeftAgain(t *testing.T) {
	unknown := append([]byte{9}, nested(126)...)
	b := append([]byte{0xa4}, unknown...)
	b = append(b, append([]byte{8, 0xc1}, nested(125)...)...)
	b = append(append(b, unknown...), 0, 0x41, 'v')
	sameStatus(t, b, dfu.Status{Version: []byte("v")})
	b[0] = 0xa3
	noStatus(t, b)
	noStatus(t, append([]byte{0xa2, 0, 0x41, 'v', 9, 0xc1}, nested(126)...))
}

// The enum around a command is a level of its own.
func TestCommandDepth(t *testing.T) {
	for _, envelope := range []string{"a1", "82"} {
		b := append(unhex(t, envelope+"00a109"), nested(125)...)
		sameCommand(t, b, dfu.Command{Op: dfu.OpWait})
		b = append(unhex(t, envelope+"00a109"), nested(126)...)
		noCommand(t, b)
	}
}

func TestCommandEnvelopes(t *testing.T) {
	for _, accepted := range []string{"a100a0", "8200a0", "980200a0", "9f00a0ff"} {
		sameCommand(t, unhex(t, accepted), dfu.Command{Op: dfu.OpWait})
	}
	for _, rejected := range []string{"80", "8100", "8100a0", "8300a0", "a000a0", "a200a0",
		"b80100a0", "bf00a0ff", "9f00ff", "c18200a0", "9c00a0"} {
		noCommand(t, unhex(t, rejected))
	}
}

// Which bytes may start a data item: all but the reserved ones, the break and
// the simple values that the reference decoder does not know.
func TestHeads(t *testing.T) {
	reserved := [][2]int{{0x1c, 0x1f}, {0x3c, 0x3f}, {0x5c, 0x5e}, {0x7c, 0x7e}, {0x9c, 0x9e},
		{0xbc, 0xbe}, {0xdc, 0xdf}, {0xe0, 0xf3}, {0xf8, 0xf8}, {0xfc, 0xff}}
	for b := range 256 {
		want := false
		for _, span := range reserved {
			want = want || span[0] <= b && b <= span[1]
		}
		// Most of these are cut short, which is another error.
		_, err := dfu.ParseStatus([]byte{0xa2, 0, 0x41, 'v', 4, byte(b)})
		got := err != nil && strings.HasSuffix(err.Error(), "starts no data item")
		if got != want {
			t.Errorf("0x%02x: reserved %v, want %v: %v", b, got, want, err)
		}
	}
}
