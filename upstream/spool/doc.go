// Package spool keeps what upstreams have not taken yet, in one bbolt file.
//
// It implements upstream.Spool, behind the forwarder: nothing of it is on the
// device path. The file holds, per line (publisher),
//
//	events  ID ─► event          oldest first: the order of sending
//	last    device ─► ID         its newest status event that is still here; no ID:
//	                             it left untold
//
// and, for all lines, what was set aside. The low byte of an ID is the event's
// kind, so that room is made without decoding.
//
// Invariants:
//   - A call is one transaction: all of it is on disk (fsync) when the call
//     returns nil, nothing of it after an error.
//   - IDs grow within a line, also over restarts.
//   - A status event takes the progress of its device that the line still holds
//     out of the queue. So a line holds, per device, its transitions and at most
//     one progress, behind them.
//   - The events held are at most Config.Size, counted with what the file needs
//     per event. When that is reached, a sixteenth is freed: first progress,
//     then telemetry, then transitions that a newer status of the same device
//     follows, and only then others; of each kind those of the longest queue
//     first, that is of the upstream that is away, and of that the oldest.
//   - What was set aside takes at most a sixteenth of Config.Size more; the
//     oldest goes first.
//   - A file that is damaged is renamed and a new one begun: the gateway does
//     not stop for it, and Fresh says that everything is to be reported again.
//   - The file holds the number of its format. Open refuses a newer format; the
//     golden files in testdata are the formats, byte for byte.
//
// Sizes are bytes. Records are CBOR (RFC 8949) with numbers for keys.
package spool
