// Package release resolves what is desired into images that can be offered, and
// remembers what it offered.
//
// It stands behind the device path. The engine asks a [Catalog] for the
// [Release] of a spec and answers devices from [Release.Target], which is one
// atomic load. All slow work is a job:
//
//	Of, Refresh, Ask ─► job ─► Source.Resolve ─► ledger (on disk) ─► Images.Load ─► Target
//
// Invariants:
//   - A version names one digest per application. It is in the [Ledger], on disk,
//     before its image is first offered.
//   - A target is replaced only by an image that is held and verified.
//   - Before a target is replaced, Parts.Moving has stored the transfers that
//     began with the older one.
//   - What a source takes back (Spec.Revocable) is offered no longer. What a
//     source only lost stays served.
//   - At most one job per key waits or runs. A full queue drops the job and counts
//     it: the device that caused it asks again.
//
// A Release has no lock. Its own job writes the target; jobs that learn a name do so
// with compare-and-swap. The order of the other locks is on the page of package
// update. Times are wall clock, sizes are bytes.
package release
