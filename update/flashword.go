package update

import (
	"math/bits"

	"havn/fault"
)

// MaxAlign is the largest flash word in bytes: the page of an external flash.
const MaxAlign = 256

func isFlashWord(n int) bool { return n > 0 && n <= MaxAlign && bits.OnesCount(uint(n)) == 1 }

// CheckAlign adds what is wrong with the length of a flash word, which stands
// at the key align.
func CheckAlign(l *fault.List, align int) {
	if !isFlashWord(align) {
		l.Add("align", "%d is not a flash word: want 1, 2, 4, 8, 16, 32, 64, 128 or 256 bytes", align)
	}
}

// CheckWrite adds what is wrong with the most data of a Write, which stands at
// the key write_size: a device takes whole flash words, and the link at the most
// most bytes.
func CheckWrite(l *fault.List, write, most, align int) {
	l.Number("write_size", write, 1, most)
	if isFlashWord(align) && write > 0 && write < align {
		l.Add("write_size", "%d is less than align, which is %d: a chunk is at least one flash word", write, align)
	}
}
