// Package store is the gateway's durable state, in one bbolt file: the ledger
// of versions, the last resolutions, device rows and local assignments.
//
// It implements update.Store. Nothing of it is on the device path: the engine
// calls it from its background jobs and its flusher.
//
// Invariants:
//   - What a call wrote is on disk when it returns (fsync), so a version is in
//     the ledger before a device hears of it, whatever happens next.
//   - The file names its format. A newer format is refused, an older one is
//     migrated; the file is never reinterpreted.
//
// Values are CBOR (RFC 8949); keys are APPLICATION/NAME, where an application
// holds no slash.
package store
