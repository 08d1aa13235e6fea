package front

import "sync/atomic"

// maxCode bounds the codes that answers have in any protocol: those of HTTP.
const maxCode = 599

// Request is a kind of request and how it was answered.
type Request struct {
	Resource string
	Code     string // as the protocol writes it: "2.05", "200"
}

// Requests counts the answers to requests, by resource and code.
type Requests struct {
	resources []string
	text      func(code int) string
	counts    [][maxCode + 1]atomic.Uint64 // by resource
}

// Count counts an answer. The resource is an index of the names that NewCounts
// got; code is one of the protocol's, 0..599.
func (r *Requests) Count(resource, code int) { r.counts[resource][code].Add(1) }

// Each calls f with the counts that are not 0.
func (r *Requests) Each(f func(Request, uint64)) {
	for i, name := range r.resources {
		for code := range r.counts[i] {
			if n := r.counts[i][code].Load(); n > 0 {
				f(Request{name, r.text(code)}, n)
			}
		}
	}
}
