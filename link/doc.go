// Package link is what the connections of the gateway have in common: the files
// of the operator that they need, the pauses between tries, and HTTP.
//
// It is the ground of the upstreams and firmware sources. [File] reads a secret
// or the authorities of a server, [NewBackoff] spaces tries, [Transport] and
// [Client] ask HTTP servers, [Identity] is the certificate of a server of ours. No
// device waits for this package.
//
// Invariants:
//   - Secrets and authorities can be replaced without a restart: a secret is read
//     at each use, authorities are read again once their file has changed. A file
//     that cannot be read is an error, and what it held before is not used on.
//   - No error shows a secret: the user and the query of a URL are left out, and so
//     is the body of an answer.
//   - Everything that a server sends is bounded, in bytes and in time.
//   - A pause that a server asks for is at most [MaxRetryAfter]. It reaches whoever
//     repeats the request as a [*backoff.RetryAfterError] in the error. A server that
//     has too much to do is asked nothing until its pause is over.
//
// Limits: 1 MiB per file, 64 KiB of the body of an error, 10 s to connect and
// again for the TLS handshake, 1 minute for the header of an answer,
// [StallTimeout] of silence in its body.
//
// Specifications: RFC 9110 sections 10.2.3 (Retry-After) and 15 (status codes);
// RFC 7468 (PEM).
package link
