// Package spool keeps what upstreams have not taken yet, in one bbolt file.
//
// It implements upstream.Spool, behind the forwarder: nothing of it is on the
// device path. The file holds, per line (publisher),
//
//	events  ID ─► event          oldest first: the order of sending
//	last    device ─► ID         the newest status event of the device that is still
//	                             held; no ID: the event left before it was told
//
// and, for all lines, the events that were set aside. The low byte of an ID is the
// kind of the event, so that room is made without decoding.
//
// Invariants:
//   - A call is one transaction: all of it is on disk (fsync) when the call
//     returns nil, nothing of it after an error.
//   - IDs grow within a line, also over restarts.
//   - A status event removes the progress of the same device from the line. So a
//     line holds, per device, the transitions and behind them at most one progress.
//   - The events held are at most Config.Size, counted with what the file needs
//     per event. A full spool frees a sixteenth of that: first progress, then
//     telemetry, then transitions that a newer status of the same device follows,
//     and only then other transitions. Within a kind, the longest queue gives up
//     its oldest events first: it is the queue of the upstream that is away.
//   - Events that were set aside take at most a sixteenth of Config.Size more. The
//     oldest of them goes first.
//   - A damaged file is renamed and a new file begun. The gateway does not stop,
//     and Fresh says that every device is to be reported again.
//   - The file holds the number of its format. Open refuses a newer format; the
//     golden files in testdata are the formats, byte for byte.
//
// Sizes are bytes. Records are CBOR (RFC 8949) with numbers for keys.
package spool
