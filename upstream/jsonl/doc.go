// Package jsonl is the upstream that appends each event to a file, as one line of
// JSON.
//
// It is one more publisher behind the forwarder, with a queue of its own:
//
//	forwarder ── Publish ──► File ──► {"time":…,"application":…,"device":…,"kind":…}
//
// Status events and telemetry are told alike: the body is data where it is JSON,
// else data_base64. Other programs read the file, and may rename or remove it at any
// time: the next event begins a new file.
//
// Invariants:
//   - Each line is one event, and is never changed. After a write that failed, or
//     a crash in the middle of a line, the next event begins a line of its own.
//     An event may be in the file twice.
//   - A transition is on the disk when Publish returns nil. Progress and telemetry
//     are with the operating system by then: they survive the end of the gateway,
//     but the last of them not a power cut. An fsync for each would wear out the
//     flash disks of small sites.
//   - A file that cannot be written, such as on a full disk, is an upstream that is
//     away: the spool keeps the events and the forwarder tries again.
//   - Only the gateway's user can read a file that the gateway made.
//
// Specifications: JSON (RFC 8259), one value per line; times as in RFC 3339; data
// and data_base64 as in section 3.1 of CloudEvents' JSON format 1.0.2.
package jsonl
