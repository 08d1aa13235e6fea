// Package wire writes the events of a simulated ChirpStack and reads the
// commands for it, as versions 3 and 4 do on MQTT.
//
// It stands between the server of chirpstacktest and its broker; it does no I/O
// and keeps no state:
//
//	Event ── NewEncoder ──► payload of application/.../event/KIND
//	payload of application/.../command/down ── ParseCommand ──► Command
//
// Invariants:
//   - What an encoding leaves out, or calls otherwise, is as captured from real
//     servers.
//   - No beginning of a command is a command.
//
// Data rates are those of the region, frequencies Hz. Frequencies are those of
// EU868 whatever the region.
//
// Specifications: ChirpStack v3 and v4 integration events and commands.
package wire
