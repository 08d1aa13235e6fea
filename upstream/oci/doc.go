// Package oci is the [firmware.Source] over OCI registries, and the way to
// push firmware there.
//
// It is where images come from: the update engine resolves a reference every
// refresh and fetches an image once; no device ever waits for this package.
//
// Invariants:
//   - Nothing is asked of a registry that the configuration does not allow.
//   - Credentials of a host go to that host, and to the token server it names
//     (Docker token protocol), nowhere else, whatever it redirects to. They and
//     the tokens got for them appear in no error.
//   - Plain HTTP is spoken only to hosts configured for it and to the loopback
//     addresses (localhost, 127.0.0.0/8, ::1), whose traffic stays on the machine.
//   - Manifests and layers are verified against the digest they were asked by.
//   - An unchanged tag costs one HEAD request; a digest reference resolved
//     before costs none.
//
// Firmware comes in three formats: (a) the first layer of media type
// application/octet-stream; (b) the only layer, when it is no tar; (c) firmware.bin
// with firmware.json, or firmware with metadata.json, at the root of the tar
// layers, plain or gzip (not zstd). Only (c) has to read the layers to resolve, once per
// manifest. An index stands for its only manifest; build attestations in it do
// not count.
//
// Limits: 5 redirects, 4 MiB per manifest, 1 GiB of layers in format (c), 1
// minute without a byte, 64 bytes per version, 2^32-1 bytes per image. Requests
// are not repeated: the engine does that.
//
// Specifications: OCI image-spec 1.1 (manifest, index, annotations, "Guidance
// for an Empty Descriptor"); OCI distribution-spec 1.1 (pull, push, error
// codes); Docker registry token authentication.
package oci
