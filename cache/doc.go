// Package cache holds firmware images by digest, in memory and on disk, so
// that devices are served chunk by chunk without a wait, also while the
// registry is away.
//
// It sits below the engine, and on package disk, which keeps the files. [Cache.Get] and [Cache.Find] are on the device
// path; [Cache.Load], which reads the disk or asks the source, never is:
//
//	Get, Find ─► pinned ─► warm (ristretto)         memory
//	               ▲  └──────▲ released
//	               │ pinned
//	Load ──────────┴─ file ◄── download ◄── source  disk
//
// An image is in use, leased, until Config.Lease after it was last served or
// loaded. Images in use are pinned; the others may stay warm. Memory gives way
// first: a pin may be released for a newer image, its file stays.
//
// Invariants:
//
//  1. The value of digest d hashes to d. Bytes are verified before a file gets
//     its name and again on their way into memory; a damaged file is fetched
//     again.
//  2. At most one fetch per digest is in flight, however many ask. It belongs
//     to the first who asks; if that one gives up, another of them goes on.
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
//  9. What is on disk is served without the source, also after a restart, which
//     keeps the order of last use and leaves nothing of broken downloads.
//  10. A disk that takes no more costs the file, not the image.
//  11. After Run or Close nothing of the cache is running, and calls are still
//     safe.
//
// Sizes are bytes, of firmware alone: indexes and file systems come on top, and
// Go's garbage collector wants about Config.Memory again.
package cache
