// Package front is what the device fronts share. A front is one way in which
// devices reach the gateway: a protocol with its socket or its session.
//
//	devices ──► coap, front/http, lorawan ──┬─► update.Engine: Status in, Command out
//	                 package front          └─► telemetry.Upstream: telemetry in, commands out
//
// A front turns a message into a call of the engine and the result into an
// answer. It owns no policy: which image a device gets, and when, is the engine's
// business. [Front] is all that the gateway knows of one.
//
// To write a front: its constructor takes [Parts] and its section of the
// configuration, binds its socket and starts nothing. Run answers until its
// context ends. Everything that happens is counted in one [Counts], from which
// the gateway renders the metrics of all fronts alike. What is wrong with the
// messages of devices goes through [Complaints], so that a flood of bad input is
// a few lines of log.
//
// Invariants:
//   - To count costs no allocation and no lock, and may be done by many goroutines
//     at once.
//   - One reason of one front is logged once in 10 s at most, with the number of
//     lines that were left out.
//   - Counters only grow. What can shrink is an [Extra] that is a gauge.
//
// Sizes are bytes. Times of answers are from the receipt of a message to the
// moment its answer is sent.
package front
