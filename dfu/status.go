package dfu

// ParseStatus decodes a Status in any encoding the reference decoder takes:
// packed, named, positional or a mix, but with nothing after it.
//
// The result aliases b. Errors wrap [ErrMalformed] and tell the first wrong
// byte, counted from 0.
func ParseStatus(b []byte) (Status, error) {
	r := reader{b: b}
	s := r.status()
	if err := r.end(); err != nil {
		return Status{}, err
	}
	return s, nil
}

func (r *reader) status() (s Status) {
	for f := r.fields(statusLayout); r.next(&f); {
		switch r.field {
		case fieldVersion:
			s.Version = r.bytes()
		case fieldMTU:
			s.MTU = r.optional().Value
		case fieldCorrelationID:
			s.CorrelationID = r.optional()
		case fieldUpdate:
			s.Updating = !r.null()
			if s.Updating {
				s.Update = r.progress()
			}
		}
	}
	return s
}

func (r *reader) progress() (p Progress) {
	for f := r.fields(progressLayout); r.next(&f); {
		switch r.field {
		case fieldVersion:
			p.Version = r.bytes()
		case fieldOffset:
			p.Offset = r.uint32()
		}
	}
	return p
}

// Append appends s as devices send it: packed, with null for what is absent.
func (s Status) Append(b []byte) []byte {
	b = appendHead(b, majorMap, 4)
	b = appendBytes(append(b, 0), s.Version)
	b = appendOptional(append(b, 1), nonZero(s.MTU))
	b = appendOptional(append(b, 2), s.CorrelationID)
	b = append(b, 3)
	if !s.Updating {
		return append(b, null)
	}
	b = appendHead(b, majorMap, 2)
	b = appendBytes(append(b, 0), s.Update.Version)
	return appendHead(append(b, 1), majorUint, s.Update.Offset)
}

// nonZero returns v, absent if it is 0.
func nonZero(v uint32) Optional { return Optional{Value: v, Set: v != 0} }
