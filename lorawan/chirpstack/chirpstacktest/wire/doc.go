// Package wire writes the events of a simulated ChirpStack and reads the
// commands for it, as versions 3 and 4 do on MQTT.
//
// It stands between the server of chirpstacktest and the broker. It does no I/O and keeps
// no state:
//
//	Event ── NewEncoder ──► payload of application/.../event/KIND
//	payload of application/.../command/down ── ParseCommand ──► Command
//
// Invariants:
//   - The names and the absent fields of an encoding are those that were captured from
//     real servers.
//   - No prefix of a command is a command.
//
// Data rates are those of the region. Frequencies are Hz, and those of EU868 in every
// region.
//
// Specifications: ChirpStack v3 and v4 integration events and commands.
package wire
