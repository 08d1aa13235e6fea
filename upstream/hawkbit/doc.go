// Package hawkbit is the [firmware.Source] over Eclipse hawkBit and other
// servers that speak its Direct Device Integration API (DDI).
//
// It stands between one such server and the update engine: for the server the
// gateway is the device, for the devices it is the server. [Source.Resolve]
// polls, [Source.Fetch] downloads, [Source.Report] says how the update goes, and
// [Source.MaySwap] tells the engine, from memory, whether the last step of an
// update is allowed now. Nothing runs by itself: a controller is polled when it
// is resolved and the server's sleep is over. The order of an image is the ID of
// its action: the same image in a new action is worth another try and another
// report.
//
//	Resolve ─► poll ─┬─ cancelAction ──────► accepted, or rejected once swapped ─┐
//	                 ├─ confirmationBase ──► confirmed ──────────────────────────┤ poll again
//	                 ├─ deploymentBase ────► the artifact, kept until replaced
//	                 └─ none ──────────────► the last one, else installedBase, else ErrNotFound
//
// Decisions:
//   - A controller is one device: where several share one, the first result
//     ends the action.
//   - Without an open action a controller keeps its last firmware, whether the
//     action ended well or not, as the server keeps the assigned set: a device
//     in sync is told so. A cancelled action gives way to the firmware that was
//     installed before, else to ErrNotFound.
//   - Confirmation is given at once: devices have nobody to ask. Whoever wants a
//     word in it must not assign to this gateway's controllers.
//   - Soft and forced actions are served alike. Download-only actions, and those
//     outside their maintenance window, are written but not swapped: MaySwap. A
//     window that was open is taken for closed when the server has not said so
//     for two sleeps.
//   - A cancel is accepted until a device was allowed to swap, since nothing has
//     changed for its user until then. A device that is in the middle of the
//     cancelled image may not swap to it while nothing else is assigned.
//   - What cannot be used (no artifact matches, no SHA-256) is reported once as
//     rejected, which is informational: the action stays open.
//
// Invariants:
//   - Tokens are read at each use, go to the configured scheme, host and port
//     alone, and appear in no error. Links between resources are followed on the
//     configured host, whatever host they name; only artifacts may lie elsewhere.
//   - An outcome is stored before it is sent, and sent again with each poll until
//     the server has taken it.
//   - One full GET per download; what breaks is resumed by Range.
//   - Of an action no more than 60 informational entries are sent, one per 5
//     percent and 10 seconds at most; the server's limit is 1000.
//
// Limits: 1 MiB per JSON answer, 1 minute per request and per silence in a
// download, 6 resumptions in a row that bring less than 64 KiB, 5 redirects; a
// sleep of 5 s to 7 days. Sizes are bytes.
//
// Specifications: hawkBit DDI API v1 as of hawkBit 0.2 to 1.1; RFC 9110 sections
// 13.1.5 (If-Range), 14 (Range) and 15; ISO 8601 durations as java.time.Duration
// writes them.
package hawkbit
