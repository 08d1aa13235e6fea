package update

import "sync/atomic"

// maxCode bounds the codes that answers have in any protocol: those of HTTP.
const maxCode = 599

// Requests counts the requests to one resource by the code of the answer. Its
// zero value is empty.
type Requests [maxCode + 1]atomic.Uint64

// RequestCount is how many requests to a resource were answered with a code.
type RequestCount struct {
	Resource string
	Code     string // as its protocol writes it: "2.05", "200"
	N        uint64
}

// Count counts one request; code is one of the protocol's.
func (r *Requests) Count(code int) { r[code].Add(1) }

// Append appends the counts that are not 0 to counts; text writes a code.
func (r *Requests) Append(
	counts []RequestCount, resource string, text func(code int) string,
) []RequestCount {
	for code := range r {
		if n := r[code].Load(); n > 0 {
			counts = append(counts, RequestCount{resource, text(code), n})
		}
	}
	return counts
}
