// Package front is what the device fronts share. A front is one way in which
// devices reach the gateway: a protocol with its socket or its session.
//
//	devices ──► coap, front/http, front/mqtt, lorawan ──┬─► update.Engine: Status in, Command out
//	                     package front                  └─► telemetry.Upstream: telemetry in, commands out
//
// A front turns a message into a call of the engine and the result into an
// answer. It owns no policy: the engine decides which image a device gets, and
// when. The gateway knows a front as a [Front], which may also be a [Listener] or a
// [Waker], and opens it as a [Reloader].
//
// The constructor of a front takes its section of the configuration and [Parts]. It
// binds the socket and starts nothing; Run does. A front counts in one [Counts], from
// which the metrics of all fronts are rendered alike. A message that is not accepted
// goes through its [Complaints], so that a flood of bad input is a few lines of log.
// [Chunks] and [Pattern] are parts of the configuration that fronts have in common.
//
// Invariants:
//   - To count costs no allocation and no lock, and may be done by many goroutines
//     at once.
//   - One reason of one front is logged once in 10 s at most, with the number of
//     lines that were left out.
//   - Counters only grow. A number that can shrink is a gauge of Counts.Extra.
//
// Sizes are bytes. Times of answers are from the receipt of a message to the
// moment its answer is sent.
package front
