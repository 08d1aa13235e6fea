// Package store is the gateway's durable state, in one bbolt file: the ledger
// of versions, the last resolutions, device rows, local assignments, and the
// documents of other packages.
//
// It implements update.Store. Nothing of it is on the device path: the engine
// calls it from its background jobs and its flusher.
//
// Invariants:
//   - What a call wrote is on disk when it returns (fsync), so a version is in
//     the ledger before a device hears of it, whatever happens next.
//   - The file holds the number of its format. Open refuses a newer format and
//     migrates an older one, in one transaction; before that it copies the file
//     to state.db.format-N, for an operator who goes back to the older gateway.
//   - The golden files in testdata are the formats, byte for byte. Each of them
//     still loads.
//
// Buckets:
//
//	ledger       APPLICATION/VERSION ─► firmware.Metadata
//	resolutions  Spec.Key            ─► firmware.Metadata
//	rows         APPLICATION/DEVICE  ─► row.Record
//	assignments  APPLICATION/DEVICE  ─► firmware.Spec
//	documents    key of its owner    ─► document of its owner
//	meta         format              ─► number
//
// Specs are JSON, as the API has them; the other values are CBOR (RFC 8949)
// with numbers for keys. An application holds no slash. Offsets and sizes are
// bytes, times Unix nanoseconds.
package store
