package dfu

import "math"

// ParseCommand decodes a Command in any encoding a real device takes. A poll
// of 0 is none.
//
// The result aliases b, except for byte strings of indefinite length, which
// are copied. Errors wrap [ErrMalformed] and tell the first wrong byte,
// counted from 0.
func ParseCommand(b []byte) (Command, error) {
	r := reader{b: b, join: true}
	c := r.command()
	if err := r.end(); err != nil {
		return Command{}, err
	}
	return c, nil
}

// command reads {op: body}, or the older [op, body].
func (r *reader) command() (c Command) {
	h := r.envelope()
	c.Op = r.op()
	for f := r.fields(commandLayouts[c.Op]); r.next(&f); {
		switch r.field {
		case fieldVersion:
			c.Version = r.bytes()
		case fieldCorrelationID:
			c.CorrelationID = r.optional()
		case fieldPoll:
			c.Poll = r.optional().Value
		case fieldOffset:
			c.Offset = r.uint32()
		case fieldData:
			c.Data = r.bytes()
		case fieldChecksum:
			c.Checksum = r.bytes()
		}
	}
	if h.indefinite && r.more(&h) {
		r.fail(r.pos, "want the end of the command's array")
	}
	return c
}

// envelope reads the outer head. Here devices insist on the byte a1 for the
// map and on an array of 2, and take no tags.
func (r *reader) envelope() head {
	h := r.head()
	isMap := h.major == majorMap && r.pos == 1 && h.arg == 1
	isArray := h.major == majorArray && (h.arg == 2 || h.indefinite)
	if !isMap && !isArray {
		r.fail(0, "want a map of one command")
	}
	r.depth++
	return h
}

func (r *reader) op() Op {
	at := r.pos
	number := r.symbol(variants)
	if number < 0 {
		r.fail(at, "unknown command")
		return OpWait
	}
	return Op(number)
}

// Append appends the smallest encoding of c that a real device decodes, and
// does not allocate if b has room for c.Len() bytes. c.Op is one of the four.
//
// Every command is {op: body}. Arrays are smaller than maps, but a map may
// leave out its nulls, which pays where at most one field is left:
//
//	Wait           {}  {0: cid}  {1: poll}  [cid, poll]
//	Sync           {0: version}  [version, cid, poll]
//	Write          [version, cid, offset, data]
//	Swap           [version, cid, checksum]
func (c Command) Append(b []byte) []byte {
	b = append(b, majorMap<<5|1, byte(c.Op))
	switch c.Op {
	case OpWait:
		return c.appendWait(b)
	case OpSync:
		return c.appendSync(b)
	case OpWrite:
		b = c.appendArray(b)
		b = appendHead(b, majorUint, c.Offset)
		return appendBytes(b, c.Data)
	default:
		return appendBytes(c.appendArray(b), c.Checksum)
	}
}

func (c Command) appendWait(b []byte) []byte {
	poll := nonZero(c.Poll)
	switch {
	case c.CorrelationID.Set && poll.Set:
		b = appendHead(b, majorArray, 2)
		return appendOptional(appendOptional(b, c.CorrelationID), poll)
	case c.CorrelationID.Set:
		b = append(appendHead(b, majorMap, 1), 0)
		return appendOptional(b, c.CorrelationID)
	case poll.Set:
		b = append(appendHead(b, majorMap, 1), 1)
		return appendOptional(b, poll)
	}
	return appendHead(b, majorMap, 0)
}

func (c Command) appendSync(b []byte) []byte {
	if c.plain() {
		b = append(appendHead(b, majorMap, 1), 0)
		return appendBytes(b, c.Version)
	}
	return appendOptional(c.appendArray(b), nonZero(c.Poll))
}

// appendArray appends the head and the first two fields of a positional body.
func (c Command) appendArray(b []byte) []byte {
	b = appendHead(b, majorArray, uint32(len(commandLayouts[c.Op])))
	return appendOptional(appendBytes(b, c.Version), c.CorrelationID)
}

// plain reports whether c has neither of the fields that may be null.
func (c Command) plain() bool { return !c.CorrelationID.Set && c.Poll == 0 }

// envelopeLen is the length of what surrounds every body: the head of the
// outer map, the op and the head of the body.
const envelopeLen = 3

// Len returns how many bytes Append appends.
func (c Command) Len() int {
	options := optionalLen(c.CorrelationID) + optionalLen(nonZero(c.Poll))
	switch {
	case c.Op == OpWait && c.plain():
		return envelopeLen
	case c.Op == OpWait:
		return envelopeLen + options
	case c.Op == OpSync && c.plain():
		return envelopeLen + 1 + bytesLen(c.Version)
	case c.Op == OpSync:
		return envelopeLen + bytesLen(c.Version) + options
	case c.Op == OpWrite:
		return c.writeLen() + bytesLen(c.Data)
	default:
		return envelopeLen + bytesLen(c.Version) + optionalLen(c.CorrelationID) + bytesLen(c.Checksum)
	}
}

// writeLen returns the length of a Write up to its data.
func (c Command) writeLen() int {
	return envelopeLen + bytesLen(c.Version) + optionalLen(c.CorrelationID) + headLen(c.Offset)
}

// MaxData returns the most bytes of Data that a Write with c's Version,
// CorrelationID and Offset can carry in payload bytes. At 0 it fits only
// without data, which is pointless; at -1 it does not fit at all.
//
// The head in front of the data takes 1 byte up to 23 bytes of data, 2 up to
// 255, 3 up to 65535, then 5. So where it grows, one or two bytes stay unused.
func (c Command) MaxData(payload int) int {
	room := payload - c.writeLen()
	return max(-1,
		min(room-1, 23),
		min(room-2, math.MaxUint8),
		min(room-3, math.MaxUint16),
		room-5)
}
