// Package firmware is the model of what the gateway delivers: which firmware a
// device should run ([Spec]), what it resolves to ([Metadata]) and its bytes
// ([Image]).
//
// It is the vocabulary between the update engine, the cache and the sources;
// it does no I/O.
//
// Invariants:
//   - An [Image] exists only with bytes that hash to its digest, and is immutable.
//   - A [Spec] names exactly one source.
//   - Errors that a caller reacts to are the sentinels of this package.
//
// Sizes are bytes; an image is at most 2^32-1 bytes, the largest offset the
// update protocol can name.
//
// Specifications: OCI image-spec 1.1 (digests, artifacts); the JSON form of
// Spec is the spec.firmware section of Drogue Cloud.
package firmware
