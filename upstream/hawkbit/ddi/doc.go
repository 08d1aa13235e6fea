// Package ddi speaks the Direct Device Integration API of Eclipse hawkBit, and of
// the servers that are compatible with it, as a device does.
//
// It is the lowest layer of package hawkbit: documents in, feedback out. What to
// make of a document, and when to ask for one, is not decided here.
//
//	Poll ─► Links ─┬─ deploymentBase, installedBase ─► Deployment ─► Download
//	               ├─ cancelAction ─► Cancel ──────────┐
//	               └─ configData ─► Configure          └─► Feedback
//
// Invariants:
//   - The token is read at each request, goes to the scheme, host and port of the
//     server alone, and appears in no error.
//   - Links between resources are followed on the host of the server, whatever
//     host they name. Artifacts may lie elsewhere.
//   - A server that is asked too often is asked nothing until its pause is over. The
//     [*Refusal], also of a request within the pause, unwraps to a
//     [*backoff.RetryAfterError].
//   - A download is one full GET; a download that breaks is resumed by Range.
//
// Limits: 1 MiB per JSON document, 1 minute per request, 5 redirects, 512 bytes
// per line of feedback, 6 resumptions in a row that bring less than 64 KiB. Sizes
// are bytes.
//
// Specifications: hawkBit DDI API v1 as of hawkBit 0.2 to 1.1; RFC 9110 sections
// 13.1.2 (If-None-Match), 13.1.5 (If-Range) and 14 (Range); ISO 8601 durations as
// java.time.Duration writes them.
package ddi
