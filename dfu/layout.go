package dfu

// A struct travels as a map or an array. The map's keys are field numbers
// ("packed") or field names ("named"), in any order and mixed, and a field
// that may be null may be missing. The array has every field in its place.

// layout lists the fields of a struct by number.
type layout []string

const (
	fieldVersion       = "version"
	fieldMTU           = "mtu"
	fieldCorrelationID = "correlation_id"
	fieldUpdate        = "update"
	fieldOffset        = "offset"
	fieldPoll          = "poll"
	fieldData          = "data"
	fieldChecksum      = "checksum"
)

var (
	statusLayout   = layout{fieldVersion, fieldMTU, fieldCorrelationID, fieldUpdate}
	progressLayout = layout{fieldVersion, fieldOffset}

	commandLayouts = [...]layout{
		OpWait:  {fieldCorrelationID, fieldPoll},
		OpSync:  {fieldVersion, fieldCorrelationID, fieldPoll},
		OpWrite: {fieldVersion, fieldCorrelationID, fieldOffset, fieldData},
		OpSwap:  {fieldVersion, fieldCorrelationID, fieldChecksum},
	}
	variants = layout{OpWait: "Wait", OpSync: "Sync", OpWrite: "Write", OpSwap: "Swap"}
)

// nullable reports whether the field may be null, in whichever struct.
func nullable(field string) bool {
	switch field {
	case fieldMTU, fieldCorrelationID, fieldUpdate, fieldPoll:
		return true
	}
	return false
}

// find returns the number of the name, -1 if it is none of l.
func (l layout) find(name []byte) int {
	for i, n := range l {
		if n == string(name) {
			return i
		}
	}
	return -1
}

// fields walks through the fields of a struct in wire order.
type fields struct {
	layout
	head   head
	number int    // of the current field
	seen   uint32 // bit i: field number i was there
}

// fields begins a struct.
func (r *reader) fields(l layout) fields {
	h := r.item()
	if h.major != majorMap && h.major != majorArray {
		r.mistyped(h, "a map or an array")
	}
	return fields{layout: l, head: h, number: -1}
}

// next puts the name of the next known field in r.field; its value is read
// next. It reports false after the last one.
func (r *reader) next(f *fields) bool {
	r.field = ""
	if f.head.major == majorArray {
		return r.nextElement(f)
	}
	return r.nextEntry(f)
}

func (r *reader) nextElement(f *fields) bool {
	at := r.pos
	f.number++
	more := r.more(&f.head)
	if more != (f.number < len(f.layout)) {
		r.fail(at, "want an array of exactly %d elements", len(f.layout))
		return false
	}
	if more {
		r.field = f.layout[f.number]
	}
	return more
}

func (r *reader) nextEntry(f *fields) bool {
	for r.more(&f.head) {
		at := r.pos
		f.number = r.symbol(f.layout)
		if f.number < 0 {
			r.skip()
			continue
		}
		r.field = f.layout[f.number]
		if f.seen>>f.number&1 != 0 {
			r.fail(at, "given twice")
		}
		f.seen |= 1 << f.number
		return r.err == nil
	}
	r.complete(f)
	return false
}

// complete fails if a field is missing that must not be.
func (r *reader) complete(f *fields) {
	for number, name := range f.layout {
		if f.seen>>number&1 == 0 && !nullable(name) {
			r.fail(r.pos, "%s is missing", name)
			return
		}
	}
}

// symbol reads a key or variant, a number or a name, and returns its number,
// -1 if it is unknown.
func (r *reader) symbol(l layout) int {
	h := r.item()
	switch h.major {
	case majorUint:
		if h.arg < uint64(len(l)) {
			return int(h.arg)
		}
	case majorBytes, majorText:
		return l.find(r.content(h))
	default:
		r.mistyped(h, "a number or a name")
	}
	return -1
}
