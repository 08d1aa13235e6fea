// Package cache holds firmware images by digest, in memory and on disk. Devices
// are served chunk by chunk without a wait, also while the registry is away.
//
// It sits below the engine, and above package disk, which keeps the files.
// [Cache.Get] and [Cache.Find] are on the device path. [Cache.Load], which reads
// the disk or asks the source, never is:
//
//	Get, Find ─► pinned ─► warm (ristretto)         memory
//	               ▲  └──────▲ released
//	               │ pinned
//	Load ──────────┴─ file ◄── download ◄── source  disk
//
// An image is in use, or leased, until Config.Lease after it was last served or
// loaded. Images in use are pinned; the others may stay warm. Memory gives way
// first: the pin of an image may be released for a newer image, while its file
// stays.
//
// Invariants:
//
//  1. The value of digest d hashes to d. Bytes are verified before a file gets
//     its name and again on their way into memory; a damaged file is fetched
//     again.
//  2. At most one fetch per digest is in flight, however many callers ask. The
//     fetch belongs to the first caller. If that caller gives up, another goes on.
//  3. Pinned images, images being read and the budget of ristretto are
//     together at most Config.Memory. A larger image is refused with
//     firmware.ErrTooLarge.
//  4. Files and downloads under way are together at most Config.Disk. A larger
//     image is refused with firmware.ErrTooLarge before it is downloaded.
//  5. The file of an image that is leased or retained is not evicted. If no
//     other can go, the new image is refused with firmware.ErrNoRoom and
//     nothing is removed.
//  6. Memory gives way, least recently served first, and is no promise: a miss
//     is always legal.
//  7. Get and Find do no I/O, wait for nobody and allocate nothing; on pinned
//     images they take no lock.
//  8. A source that failed is not asked for the same image again before the
//     next try is due, and before the pause that its server asked for is over; the
//     table of failures is bounded.
//  9. An image on disk is served without the source, also after a restart. A
//     restart keeps the order of last use, and removes broken downloads.
//  10. A disk that refuses a file costs the file, not the image.
//  11. After Run or Close nothing of the cache is running, and calls are still
//     safe.
//
// Sizes are bytes, of firmware alone: indexes and file systems come on top, and
// Go's garbage collector wants about Config.Memory again.
package cache
