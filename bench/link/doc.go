// Package link measures how long an update takes over slow and lossy links, and
// says beside it what an update in lock-step must cost: one round trip per block.
//
// It is what "gateway bench link" runs:
//
//	device.Device ──► lossy.Link (delay, loss) ──► gateway in this process
//
// Each combination of block size, round-trip time and loss has a device and a
// link of its own; all of them run at the same time.
//
// Invariants:
//   - A device verifies the SHA-256 of what it got.
//   - What did not end in time is reported as far as it came.
//
// Times are seconds, round-trip times milliseconds, losses shares of 1.
//
// Specifications: RFC 7252 section 4.2 (retransmission).
package link
