package http

import (
	"strconv"
	"sync/atomic"

	"havn/update"
)

// Reason is why a request was not accepted.
type Reason uint8

// The reasons of gateway_rejected_total.
const (
	None        Reason = iota // accepted, if perhaps with an error that is no fault of the sender
	Malformed                 // not HTTP, or no whole request
	Handshake                 // TLS was not agreed on
	BadQuery                  // the arguments cannot be read
	BadIdentity               // no device is named, or not in a usable way
	Oversized                 // a body larger than 65536 bytes
	BadPayload                // said to be JSON and is not
	BadStatus                 // the body is no Status
	reasons
)

var reasonNames = [reasons]string{
	"", "malformed", "handshake", "query", "identity", "oversized", "payload", "status",
}

// String returns the value of the metric's label.
func (r Reason) String() string { return reasonNames[r] }

// Reasons lists what Rejected can be asked for.
func Reasons() []Reason {
	return []Reason{Malformed, Handshake, BadQuery, BadIdentity, Oversized, BadPayload, BadStatus}
}

// resource is a kind of resource.
type resource uint8

const (
	other    resource = iota // there is none at that path
	root                     // /
	status                   // /v1/dfu
	channels                 // /v1/{channel}
	resources
)

var resourceNames = [resources]string{"other", "root", "dfu", "telemetry"}

// Stats counts what the front did, since its start.
type Stats struct {
	Chunks      atomic.Uint64 // Writes of firmware sent
	ChunkBytes  atomic.Uint64 // firmware bytes in them
	Commands    atomic.Uint64 // commands of the upstream handed to devices
	Connections atomic.Int64  // open now
	Answers     update.Histogram

	requests [resources]update.Requests
	rejected [reasons]atomic.Uint64
}

// Requests returns the requests answered so far, without those that never came.
func (s *Stats) Requests() (counts []update.RequestCount) {
	for res := range s.requests {
		counts = s.requests[res].Append(counts, resourceNames[res], strconv.Itoa)
	}
	return counts
}

// Rejected returns how many requests were not accepted for the reason.
func (s *Stats) Rejected(why Reason) uint64 { return s.rejected[why].Load() }

func (s *Stats) chunk(bytes int) {
	s.Chunks.Add(1)
	s.ChunkBytes.Add(uint64(bytes))
}
