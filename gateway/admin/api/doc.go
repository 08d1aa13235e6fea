// Package api is the gateway's REST API: what devices, images and the
// gateway itself are doing, and what operators may change.
//
// It is a read model over the engine's rows; it is not on the device path and
// keeps nothing of its own.
//
// Invariants:
//   - Every answer is JSON; errors are {"error": "..."} with a fitting status.
//   - Lists are ordered, bounded by limit, and continued by after.
//
// Sizes and offsets are bytes, times RFC 3339 in UTC.
package api
