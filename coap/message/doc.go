// Package message is the codec of CoAP messages, as a server needs it: a request
// is parsed, a reply is written.
//
// It stands between the socket and the resources of package coap:
//
//	datagram ──► Request.Parse ──► resource ──► Reply ──► datagram
//
// A [Request] aliases the datagram; a [Reply] is appended to a buffer. The numbers
// of options, and the codes, are those of go-coap.
//
// Invariants:
//   - Parse takes any bytes and costs no allocation. It reads the options once,
//     however many there are.
//   - What is malformed is [Malformed], never a guess.
//   - An option that a request may not carry, that is too long or too short, or
//     that is repeated, counts as not understood. If it is critical, the request is
//     refused, for CON and NON.
//   - A reply has its options in ascending order: those who write it call the
//     methods of Reply in the order in which they stand in its source.
//
// Sizes are bytes. A reply has at most [MaxSize].
//
// Specifications: RFC 7252 sections 3 (format), 4.2 and 4.3 (types), 5.4 (options),
// 5.10 (their numbers); RFC 7959 section 2 (Block1, Block2); draft-ietf-core-corr-clar
// (critical options of NON); Drogue Cloud's options 4209 and 4210.
package message
