package coap

import (
	"fmt"
	"sync/atomic"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/update"
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
	BadChannel                // telemetry for a channel that cannot be
	BadPayload                // telemetry that is said to be JSON and is not
	reasons
)

var reasonNames = [reasons]string{
	"", "malformed", "option", "block", "status", "identity", "oversized", "multicast", "channel",
	"payload",
}

// String returns the value of the metric's label.
func (r Reason) String() string { return reasonNames[r] }

// Stats counts what the front did, since its start.
type Stats struct {
	Chunks     atomic.Uint64 // blocks and Writes of firmware sent
	ChunkBytes atomic.Uint64 // firmware bytes in them
	SendErrors atomic.Uint64 // replies that the kernel did not take
	Duplicates atomic.Uint64 // telemetry that came again and got the same answer again
	Commands   atomic.Uint64 // commands of the upstream handed to devices
	Unfit      atomic.Uint64 // commands lost because no answer holds them
	Answers    update.Histogram

	requests [resources]update.Requests
	rejected [reasons]atomic.Uint64
}

// Requests returns the requests answered so far, without those that never came.
func (s *Stats) Requests() (counts []update.RequestCount) {
	for res := range s.requests {
		counts = s.requests[res].Append(counts, kinds[res].name, codeText)
	}
	return counts
}

// codeText writes a code as RFC 7252 does.
func codeText(code int) string { return fmt.Sprintf("%d.%02d", code>>5, code&31) }

// Rejected returns how many datagrams were not accepted for the reason.
func (s *Stats) Rejected(why Reason) uint64 { return s.rejected[why].Load() }

// Reasons lists what Rejected can be asked for.
func Reasons() []Reason {
	all := make([]Reason, 0, reasons)
	for why := None + 1; why < reasons; why++ {
		all = append(all, why)
	}
	return all
}

func (s *Stats) request(res resource, code codes.Code) { s.requests[res].Count(int(code)) }

func (s *Stats) chunk(bytes int) {
	s.Chunks.Add(1)
	s.ChunkBytes.Add(uint64(bytes))
}
