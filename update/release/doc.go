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
// Locks: Catalog.mu, then the lock of the jobs or of the ledger's maps. None is
// held over a call of the source or a write to the store, except for
// ledger.recording, which only jobs take. Release has no lock; a target is
// written by the release's own job, and by learned names with compare-and-swap.
package release
