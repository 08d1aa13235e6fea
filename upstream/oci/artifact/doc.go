// Package artifact reads and writes firmware as OCI images, without a network.
//
// It is the lower half of package oci: that package brings manifests and layers
// from a registry, this one says what firmware is in them. [Pack] is the way back.
//
// Firmware comes in three formats:
//
//	(a) the first layer of media type application/octet-stream
//	(b) the only layer, when it is no tar
//	(c) firmware.bin with firmware.json, or firmware with metadata.json, at the root
//	    of the tar layers, plain or gzip (not zstd)
//
// The descriptor of the layer describes formats (a) and (b). The layers of format
// (c) have to be read to know what firmware they hold. An index stands for its
// only manifest; build attestations in an index do not count.
//
// Invariants:
//   - A layer that is read is verified against its digest. What is said of a layer
//     is said of the right bytes.
//   - A manifest or a layer that cannot be used is ErrInvalid or ErrTooLarge, once
//     and for all: its digest stands for its bytes. An error without these says
//     that the download failed.
//
// Limits: 1 GiB for the layers of format (c) together, and for what a layer
// unpacks to, 64 bytes per version, 2^32-1 bytes per image. Sizes are bytes.
//
// Specifications: OCI image-spec 1.1 (manifest, index, annotations, layers with
// whiteouts, "Guidance for an Empty Descriptor").
package artifact
