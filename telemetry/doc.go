// Package telemetry is what devices send and receive besides firmware: messages on
// channels, and commands of the upstream.
//
// It is the vocabulary between the device fronts and the upstreams:
//
//	coap ───────┐
//	front/http ─┤ Upstream.Telemetry ──────────────────► upstream.Forwarder
//	front/mqtt ─┤
//	lorawan ────┘ Upstream.Commands ◄── Inbox ◄── Put ── the upstream's commands
//
// Drogue Cloud hands a command to a device that waits for it at that moment. Constrained
// devices rarely wait, so the [Inbox] keeps a command for [Patience]: twice the default
// pause between two reports of a device. The commands for a device stay in their order, and
// none takes the place of another: only the sender knows which of them still matter.
//
// Invariants:
//   - A command is handed out at most once, to its device, and not later than Patience
//     after the command came.
//   - The inbox is bounded: 8 commands for a device, 4096 in all, 4 MiB in all. When it
//     is full, the oldest command is dropped and counted.
//   - Nothing here waits for a disk, a network, or a front.
//
// Sizes are bytes. Commands wait in memory alone: a restart forgets them.
//
// Specifications: Drogue Cloud's endpoints (channels, commands, what counts as
// JSON), MQTT 5.0 section 4.7 (what a channel may not contain).
package telemetry
