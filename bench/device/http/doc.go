// Package http is the way of a simulated device to a gateway's HTTP front. It
// writes and reads as the reference client does, whose releases differ in what
// they cannot take; it minds all of that.
//
//	device.Device ── Transport ──► POST /v1/dfu ──► gateway
//
// Invariants:
//   - An answer that a device could not read is a violation.
//   - No goroutine is started; one exchange is under way at a time.
//
// Sizes are bytes, with the head of an answer.
//
// Specifications: RFC 9110, RFC 9112; Drogue Cloud's HTTP endpoint.
package http
