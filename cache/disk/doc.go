// Package disk is the disk tier of the cache: image files by digest, up to a
// budget of bytes.
//
// It stands below package cache, which says when a file is used and which files
// may go. Files are DIR/blobs/sha256/HEX, as in an OCI image layout.
//
//	           Reserve             Add            Remove
//	(nothing) ─────────► download ─────► entry ────────► (nothing)
//	    ▲                   │
//	    └───── Cancel ──────┘
//
// Invariants:
//   - A file gets its name only when it is complete, verified and on the medium:
//     a power cut leaves it whole, or not at all.
//   - Entries and reserved downloads are together at most the budget. Where not
//     enough files may go, nothing is removed and the error is firmware.ErrNoRoom.
//   - What a crash left of downloads is removed at the next start, which also
//     knows when files were last used, from their mtime.
//   - A write that the disk refuses is ErrRefused, and costs none of the bytes
//     received so far.
//
// The methods of [Tier] that change or read the index are for one caller at a
// time: the lock of the cache is held around them. [Tier.Begin], [Tier.Read],
// [Tier.Path], [Tier.WriteTimes] and the methods of [Download] need no lock.
//
// Sizes are bytes. The index takes about 200 bytes of memory per file.
//
// Specifications: OCI image-spec 1.1, image layout (blobs/sha256/HEX).
package disk
