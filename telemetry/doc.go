// Package telemetry is what devices say and are told besides firmware: messages
// on their channels, and the commands that wait for them.
//
// It is the vocabulary between the device fronts and the upstream:
//
//	coap ───────┐ Upstream.Telemetry ──────────────────► upstream.Forwarder
//	front/http ─┤
//	lorawan ────┘ Upstream.Commands ◄── Inbox ◄── Put ── the upstream's commands
//
// A command is for the moment: Drogue Cloud hands it to whoever waits at that moment.
// Constrained devices rarely do, so it is kept for [Patience], twice the pause
// that devices are asked to make between two reports by default; after that its
// sender is better off to send a new one. Several commands of a device keep
// their order: which of them still matter is known to their sender alone.
//
// Invariants:
//   - A command is handed out once, to its device, not later than Patience after
//     it came.
//   - The inbox is bounded: 8 commands of a device, 4096 in all, 4 MiB in all.
//     The oldest goes first, and each that goes is counted.
//   - Nothing here waits for a disk, a network, or another front.
//
// Sizes are bytes. What waits is in memory alone: a restart forgets it.
//
// Specifications: Drogue Cloud's endpoints (channels, commands, what counts as
// JSON), MQTT 5.0 section 4.7 (what a channel may not contain).
package telemetry
