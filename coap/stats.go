package coap

import (
	"fmt"
	"sync/atomic"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/gateway/update"
)

// Reason is why a datagram was not accepted.
type Reason uint8

// The reasons of gateway_rejected_total.
const (
	None        Reason = iota // accepted, if perhaps with an error that is no fault of the sender
	Malformed                 // not a CoAP request (RFC 7252 section 3)
	BadOption                 // a critical option that is not understood
	BadBlock                  // a block that cannot be
	BadStatus                 // the body is no Status
	BadIdentity               // no device is named, or not in a usable way
	Oversized                 // longer than the receive buffer
	Multicast                 // sent to a group or broadcast address
	reasons
)

var reasonNames = [reasons]string{
	"", "malformed", "option", "block", "status", "identity", "oversized", "multicast",
}

// String returns the value of the metric's label.
func (r Reason) String() string { return reasonNames[r] }

// Stats counts what the front did, since its start.
type Stats struct {
	Chunks     atomic.Uint64 // blocks and Writes of firmware sent
	ChunkBytes atomic.Uint64 // firmware bytes in them
	SendErrors atomic.Uint64 // replies that the kernel did not take
	Answers    update.Histogram

	requests [resources][256]atomic.Uint64 // by resource and code of the response
	rejected [reasons]atomic.Uint64
}

// RequestCount is how many requests to a resource were answered with a code.
type RequestCount struct {
	Resource string
	Code     string // as in RFC 7252: "2.05"
	N        uint64
}

// Requests returns the requests answered so far, without those that never came.
func (s *Stats) Requests() (counts []RequestCount) {
	for res := range s.requests {
		for code := range s.requests[res] {
			if n := s.requests[res][code].Load(); n > 0 {
				name := fmt.Sprintf("%d.%02d", code>>5, code&31)
				counts = append(counts, RequestCount{kinds[res].name, name, n})
			}
		}
	}
	return counts
}

// Rejected returns how many datagrams were not accepted for the reason.
func (s *Stats) Rejected(why Reason) uint64 { return s.rejected[why].Load() }

// Reasons lists what Rejected can be asked for.
func Reasons() []Reason {
	return []Reason{Malformed, BadOption, BadBlock, BadStatus, BadIdentity, Oversized, Multicast}
}

func (s *Stats) request(res resource, code codes.Code) { s.requests[res][byte(code)].Add(1) }

func (s *Stats) chunk(bytes int) {
	s.Chunks.Add(1)
	s.ChunkBytes.Add(uint64(bytes))
}
