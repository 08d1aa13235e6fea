// Package drogue is what both ways to Drogue Cloud share: their configuration,
// their HTTP client and the errors that say how to react.
//
//	           ┌─ registry ◄── spec.firmware, status.firmware ──► device registry
//	forwarder ─┤      └─ registry events                      ◄── MQTT integration
//	           └─ endpoint ◄── commands, events as a device   ──► MQTT or HTTP endpoint
//
// Package registry knows what a device should run and tells what it runs, package
// endpoint publishes as devices and receives their commands. Each is a publisher
// with a queue of its own.
//
// Invariants:
//   - Every error of a call is [ErrAway], [ErrDenied] or upstream.ErrRejected, or
//     that of the caller's context. A pause that the server asked for is in it as
//     *backoff.RetryAfterError.
//   - Secrets are read at each use and appear in no error.
//
// Limits: 64 KiB per resource and per event over HTTP, 30 s per request.
//
// Specifications: Drogue Cloud 0.11; RFC 9110 section 10.2.3 (Retry-After).
package drogue
