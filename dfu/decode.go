package dfu

import (
	"fmt"
	"math"
	"unicode/utf8"
)

const (
	breakCode = 0xff // ends an array, map or string of indefinite length

	// maxDepth is how many arrays, maps and tags may stand inside each other:
	// the reference decoder gives up at the 128th.
	maxDepth = 127
)

// kinds names the major types in error texts.
var kinds = [...]string{
	"an unsigned integer", "a negative integer", "a byte string", "a text string",
	"an array", "a map", "a tag", "a boolean, null, undefined or a float",
}

// reader decodes b from the front. The first fault sticks in err: it ends every
// array, map and struct, and what is read after it means nothing, so only the
// end need check.
type reader struct {
	b     []byte
	pos   int
	at    int    // where the last head began
	depth int    // arrays, maps and tags around pos
	field string // being read, for error texts
	join  bool   // fields may be byte strings of indefinite length
	err   error
}

// head starts a data item. It has four fields because the compiler keeps no
// larger struct in registers: a fifth made parsing three times as slow.
type head struct {
	major      byte
	indefinite bool   // a break ends it; arg is 0
	arg        uint64 // the value, or the number of bytes or entries left
	outside    int    // the depth around it
}

// head reads the next head, whatever it starts.
func (r *reader) head() head {
	r.at = r.pos
	h := head{outside: r.depth}
	first := r.take(1)
	if first == nil {
		return h
	}
	if !startsItem(first[0]) {
		r.fail(r.at, "0x%02x starts no data item", first[0])
		return h
	}
	h.major = first[0] >> 5
	switch info := first[0] & 31; {
	case info < 24:
		h.arg = uint64(info)
	case info == 31:
		h.indefinite = true
	default:
		h.arg = bigEndian(r.take(1 << (info - 24)))
	}
	return h
}

// startsItem tells the bytes that may start a data item from the reserved
// ones, a stray break, and the simple values without a meaning.
func startsItem(b byte) bool {
	major, info := b>>5, b&31
	switch {
	case major == majorSimple:
		return 20 <= info && info <= 23 || 25 <= info && info <= 27
	case info == 31:
		return majorBytes <= major && major <= majorMap
	}
	return info < 28
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// item reads the head of the next data item past its tags, which mean nothing
// in this protocol, and steps into it if it is an array or a map.
func (r *reader) item() head {
	depth := r.depth
	h := r.head()
	for ; h.major == majorTag; h = r.head() {
		depth++
	}
	if h.major == majorArray || h.major == majorMap {
		depth++
		r.depth = depth
	}
	if depth > maxDepth {
		r.fail(r.at, "nested more than %d deep", maxDepth)
	}
	return h
}

// more reports whether another entry of h follows, a chunk if h is a string.
// After the last one it has stepped out of h.
func (r *reader) more(h *head) bool {
	switch {
	case r.err != nil:
		return false
	case h.indefinite:
		if r.pos == len(r.b) || r.b[r.pos] != breakCode {
			return true
		}
		r.pos++
	case h.arg > 0:
		h.arg--
		return true
	}
	r.depth = h.outside
	return false
}

// content reads the rest of the string h: a part of b, or a copy if it comes
// in chunks (RFC 8949 section 3.2.3). Text is UTF-8 as a whole, not by chunk.
func (r *reader) content(h head) []byte {
	s := []byte{}
	if !h.indefinite {
		s = r.take(h.arg)
	}
	for h.indefinite && r.more(&h) {
		chunk := r.head()
		if chunk.major != h.major || chunk.indefinite {
			r.fail(r.at, "a chunk must be %s of definite length", kinds[h.major])
		}
		s = append(s, r.take(chunk.arg)...)
	}
	if h.major == majorText && !utf8.Valid(s) {
		r.fail(r.at, "text is not UTF-8")
	}
	return s
}

// skip reads one data item of any kind.
func (r *reader) skip() {
	switch h := r.item(); h.major {
	case majorBytes, majorText:
		r.content(h)
	case majorArray:
		for r.more(&h) {
			r.skip()
		}
	case majorMap:
		for r.more(&h) {
			r.skip()
			r.skip()
		}
	}
}

// bytes reads a byte string.
func (r *reader) bytes() []byte {
	h := r.item()
	switch {
	case h.major != majorBytes:
		r.mistyped(h, kinds[majorBytes])
		return nil
	case h.indefinite && !r.join:
		r.fail(r.at, "a byte string of indefinite length")
		return nil
	}
	return r.content(h)
}

// uint32 reads an unsigned integer of up to 32 bits.
func (r *reader) uint32() uint32 {
	h := r.item()
	if h.major != majorUint {
		r.mistyped(h, kinds[majorUint])
		return 0
	}
	if h.arg > math.MaxUint32 {
		r.fail(r.at, "%d is more than 32 bits", h.arg)
	}
	return uint32(h.arg)
}

// optional reads an unsigned integer or null.
func (r *reader) optional() Optional {
	if r.null() {
		return Optional{}
	}
	return Some(r.uint32())
}

// null consumes a null if it comes next. A tagged null is none.
func (r *reader) null() bool {
	if r.pos == len(r.b) || r.b[r.pos] != null {
		return false
	}
	r.pos++
	return true
}

// take reads n bytes, nil if there are fewer.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)-r.pos) {
		r.fail(len(r.b), "truncated")
		return nil
	}
	start := r.pos
	r.pos += int(n)
	return r.b[start:r.pos:r.pos]
}

// end fails unless the whole input was read, and returns the first fault.
func (r *reader) end() error {
	if r.pos < len(r.b) {
		r.fail(r.pos, "the message ends here, but %d bytes follow", len(r.b)-r.pos)
	}
	return r.err
}

func (r *reader) mistyped(h head, want string) {
	r.fail(r.at, "want %s, found %s", want, kinds[h.major])
}

// fail records the first fault.
func (r *reader) fail(at int, format string, args ...any) {
	if r.err != nil {
		return
	}
	what := fmt.Sprintf(format, args...)
	if r.field != "" {
		what = r.field + ": " + what
	}
	r.err = fmt.Errorf("%w: byte %d: %s", ErrMalformed, at, what)
}
