// Package row is what the engine knows of each device: in memory, on disk, and as
// the upstreams were told.
//
// A [Row] lies between the answers, which note on it what a device did, and the
// flusher of its [Table], which stores it and tells the [status.Reporter]:
//
//	answer ─► Row ─► agenda ─► flusher ─┬─► Store     (what a crash must not lose)
//	                                    └─► Reporter  (what became of the device)
//
// Invariants:
//   - A row's state is derived from what it knows, never stored.
//   - A row is stored within a second of a change, and once a minute where only the
//     time of contact moved, or the offset of a device that reports it. The offset of
//     a block-wise transfer is stored each sixteenth of the image. Block-wise
//     transfers, whose requests do not say what they are of, are stored before the
//     target moves, and at once where they end or give way to another one.
//   - What became of a device is handed to the Reporter from the durable row: never
//     on the device path, at least once, and nothing is lost that is older than one
//     flush. Between two flushes, and while the Reporter fails, only the newest
//     state counts.
//   - The flusher works in steps of a bounded number of rows, and rests as long as
//     each took: a fleet that changes all at once takes longer to store, and is
//     answered meanwhile. Steps are in the order of the store, which writes each of
//     its pages once then.
//   - A row takes less than 700 bytes of heap, all included. The table is bounded;
//     rows of devices that never updated go first.
//
// Offsets and sizes are bytes. The order of locks is on the page of package update.
package row
