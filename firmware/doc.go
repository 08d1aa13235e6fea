// Package firmware is the model of what the gateway delivers: which firmware a
// device should run ([Spec]), what that resolves to ([Metadata]) and the bytes
// ([Image]).
//
// It is the vocabulary between the update engine, the cache and the sources. It
// does no I/O.
//
//	{"file": {"name": "blinky"}} ─ Kinds ─► Spec ─ Source.Resolve ─► Metadata ─ Source.Fetch ─► Image
//
// Invariants:
//   - An [Image] exists only with bytes that hash to its digest, and is immutable.
//   - A [Spec] names one source by its [Kind]. What the source needs is its own
//     affair: its [Ref]. This package knows no source.
//   - A Spec that this gateway cannot read is kept as it came.
//   - Errors that a caller reacts to are the sentinels of this package.
//
// Sizes are bytes; an image is at most 2^32-1 bytes, the largest offset the
// update protocol can name.
//
// Specifications: OCI image-spec 1.1 (digests, artifacts); the JSON form of
// Spec is the spec.firmware section of Drogue Cloud.
package firmware
