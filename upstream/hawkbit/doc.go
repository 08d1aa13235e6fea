// Package hawkbit is the [firmware.Source] over Eclipse hawkBit and other
// servers that speak its Direct Device Integration API.
//
// It stands between one such server and the update engine: for the server the
// gateway is the device, for the devices the gateway is the server. Package ddi
// speaks the API; this package decides. [Source.Resolve] polls, [Source.Fetch]
// downloads, [Source.Report] says how the update goes, and [Source.MaySwap] tells
// the engine, from memory, whether the last step of an update is allowed now.
// Nothing runs by itself: a controller is polled when it is resolved and the
// server's sleep is over. The order of an image is the ID of its action: the same
// image in a new action is worth another try and another report.
//
//	Resolve ─► poll ─┬─ cancelAction ──────► accepted, or rejected once swapped ─┐
//	                 ├─ confirmationBase ──► confirmed ──────────────────────────┤ poll again
//	                 ├─ deploymentBase ────► the artifact, kept until replaced
//	                 └─ none ──────────────► the last one, else installedBase, else ErrNotFound
//
// Decisions:
//   - A controller is one device. The first result of several devices that share
//     a controller ends the action.
//   - A controller without an open action keeps its last firmware, whether the
//     action ended well or not, as the server keeps the assigned set: a device
//     in sync is told so. A cancelled action gives way to the firmware that was
//     installed before, else to ErrNotFound.
//   - Confirmation is given at once: devices have nobody to ask. An operator who
//     wants to confirm by hand must not assign to this gateway's controllers.
//   - Soft and forced actions are served alike. Download-only actions, and actions
//     outside their maintenance window, are written but not swapped: MaySwap. An
//     open window counts as closed once the server has not confirmed it for two
//     sleeps.
//   - A cancel is accepted until a device was allowed to swap, since nothing has
//     changed for its user until then. A device that is in the middle of the
//     cancelled image may not swap to it while nothing else is assigned.
//   - A deployment that cannot be used (no artifact matches, no SHA-256) is
//     reported once as rejected. That is informational: the action stays open.
//
// Invariants:
//   - An outcome is stored before it is sent, and sent again with each poll until
//     the server has taken it.
//   - Of an action at most 60 informational entries are sent, at most one per 5
//     percent and 10 seconds. The server's limit is 1000.
//   - Errors carry the sentinels of package firmware, and the pause that the
//     server asked for. An error without sentinel says that the server is away.
//
// Limits: a sleep of 5 s to 7 days, 16 outcomes that wait for the server, 4 polls
// in a row. Sizes are bytes.
//
// Specifications: hawkBit DDI API v1 as of hawkBit 0.2 to 1.1.
package hawkbit
