// Package coap is the CoAP front: devices ask it for firmware over UDP, by
// Block2 GET or with the Status and Command of package dfu.
//
// The path of a datagram:
//
//	socket ── recvmmsg ──► reader ──► Handler.Handle ──► sendmmsg ──► socket
//	                       (batch)      parse             (batch)
//	                                    resource
//	                                    update.Engine: from memory, at once
//	                                    reply
//
// [Handler] is a function from datagram to datagram. [Server] is a thin loop
// around it: every reader owns a socket of the same port, its buffers and one
// batch at a time.
//
// Since every request is answered at once and none changes state when it is
// repeated, the message layer needs no memory: a CON is answered in its ACK, a
// NON by a NON, a retransmission by the same answer again. A client that
// restarts, or counts its message IDs anew, gets what it asks for.
//
// Invariants:
//   - A datagram costs no allocation, waits for nothing, and leaves nothing
//     behind: no session, no transfer, no goroutine per peer.
//   - What is malformed gets a Reset or silence, never a guess.
//   - A critical option that is not understood is refused, for CON and NON.
//   - A block is never larger than asked for, configured or fitting the
//     device's profile, and starts where asked for.
//   - Nothing sent to a group is answered.
//
// Sizes and offsets are bytes. A reply is at most 1152 bytes, a datagram that
// is received at most 2048.
//
// Specifications: RFC 7252 (CoAP; sections 3 and 4 messages, 5 requests),
// RFC 7959 (Block2, Size2), RFC 6690 (discovery), draft-ietf-core-corr-clar
// (critical options of NON), and Drogue Cloud's CoAP endpoint for /v1/dfu.
package coap
