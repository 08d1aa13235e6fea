// Package api is the gateway's REST API: what devices, images and the
// gateway itself are doing, and what operators may change.
//
// It reads the rows of the engine and keeps nothing of its own. No device waits
// for it. The types of this package are the JSON of the API; [Client] is the other
// end, for the commands of the gateway.
//
// Invariants:
//   - Every answer is JSON; errors are {"error": "..."} with a fitting status.
//   - Golden files hold the answers to the letter: scripts of operators read them.
//   - Lists are ordered, bounded by limit, and continued by after.
//
// Sizes and offsets are bytes, times RFC 3339 in UTC.
package api
