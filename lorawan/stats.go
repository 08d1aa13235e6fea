package lorawan

import (
	"sync/atomic"

	"havn/dfu"
	"havn/update"
)

// Rejection is why an event was not accepted.
type Rejection uint8

// The reasons of gateway_rejected_total.
const (
	Malformed     Rejection = iota // not what the network server sends
	BadStatus                      // on a port for firmware alone, but no Status
	Encrypted                      // the network server has no key for the payload
	BadTag                         // a tag of the device cannot be used
	BadDataRate                    // the region has no such data rate
	Duplicate                      // the uplink was taken already
	Replayed                       // an uplink older than the last one
	OtherOrigin                    // of an application that is not ours
	Undeliverable                  // a downlink could not be published
	Overflow                       // the inbound queue was full
	BadCommand                     // a command that cannot be sent
	Untaken                        // telemetry that the upstream did not take
	rejections
)

var rejectionNames = [rejections]string{
	"malformed", "status", "encrypted", "tag", "data_rate", "duplicate", "replayed", "application",
	"undeliverable", "overflow", "command", "upstream",
}

// String returns the value of the metric's label.
func (r Rejection) String() string { return rejectionNames[r] }

// Rejections lists what Stats.Rejected can be asked for.
func Rejections() []Rejection {
	all := make([]Rejection, rejections)
	for i := range all {
		all[i] = Rejection(i)
	}
	return all
}

// Stats counts what the front of one network did, since its start.
type Stats struct {
	Uplinks    atomic.Uint64 // of our share of the devices
	Elsewhere  atomic.Uint64 // events of devices that another gateway answers
	Telemetry  atomic.Uint64 // uplinks that are not about firmware
	Commands   atomic.Uint64 // commands of the upstream that were sent
	Chunks     atomic.Uint64 // Writes sent
	ChunkBytes atomic.Uint64 // firmware bytes in them
	Airtime    atomic.Int64  // of the downlinks sent, nanoseconds
	Silent     atomic.Uint64 // Statuses without an answer: there is nothing to do
	Held       atomic.Uint64 // Statuses without an answer: an earlier one may still be queued
	Deferred   atomic.Uint64 // Statuses that may not start an update: the airtime budget is used up
	Probes     atomic.Uint64 // Waits sent to find out whether anything is queued
	Widened    atomic.Uint64 // times a device's margin was widened for MAC commands
	Evicted    atomic.Uint64 // devices forgotten because the table was full
	Answers    update.Histogram

	answers  [4]atomic.Uint64 // by dfu.Op
	failures [4]atomic.Uint64 // by Reason
	rejected [rejections]atomic.Uint64
}

// Answered returns how many downlinks with such a command were sent.
func (s *Stats) Answered(op dfu.Op) uint64 { return s.answers[op].Load() }

// Failures returns how many downlinks the network server reported as not sent.
func (s *Stats) Failures(r Reason) uint64 { return s.failures[r].Load() }

// Rejected returns how many events were not accepted for the reason.
func (s *Stats) Rejected(r Rejection) uint64 { return s.rejected[r].Load() }
