// Package oci is the [firmware.Source] over OCI registries, and the way to
// push firmware there.
//
// It is where images come from: the update engine resolves a reference every
// refresh and fetches an image once; no device ever waits for this package. What
// firmware is in an image, package artifact says.
//
// Invariants:
//   - Nothing is asked of a registry that the configuration does not allow.
//   - Credentials of a host go to that host, and to the token server it names
//     (Docker token protocol), nowhere else, whatever it redirects to. Neither the
//     credentials nor the tokens got for them appear in an error.
//   - Plain HTTP is spoken only to hosts configured for it and to the loopback
//     addresses (localhost, 127.0.0.0/8, ::1), whose traffic stays on the machine.
//   - Manifests are verified against the digest that they were asked by. The bytes
//     of Fetch are verified by the cache.
//   - An unchanged tag costs one HEAD request; a digest reference resolved
//     before costs none.
//
// Limits: 5 redirects, 4 MiB per manifest, 1 minute without a byte, 1024 clients
// and 1024 manifests remembered. Requests are not repeated: the engine does that.
//
// Specifications: OCI distribution-spec 1.1 (pull, push, error codes); Docker
// registry token authentication.
package oci
