// Package dfu is the firmware update protocol on the wire: a device sends a
// CBOR [Status], the gateway answers with a CBOR [Command].
//
// It is the vocabulary of every data path: the device fronts parse and append
// with it, the engine decides on it, and nothing here does I/O.
//
// Invariants:
//   - [ParseStatus] accepts exactly what the reference decoder of the device
//     family accepts, and rejects what it rejects; its result aliases the
//     parsed buffer. It allocates only to tell a fault, and to join a key or
//     an unknown value that comes in chunks, which no known device sends.
//   - [ParseCommand] does the same for what a device accepts.
//   - [Command.Append] writes the smallest encoding that a real device
//     decodes; [Command.MaxData] is exact, so that no answer outgrows a frame.
//   - Parsing any input ends, without panic, in time linear in its length.
//
// Offsets and sizes are bytes of firmware, polls are seconds.
//
// Specifications: RFC 8949 (CBOR); the message layout is that of the
// embedded-update crate, whose golden vectors are in testdata.
package dfu
