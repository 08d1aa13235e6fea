// Package coap is the CoAP front: devices ask it for firmware over UDP, by
// Block2 GET or with the Status and Command of package dfu, and hand it their
// telemetry.
//
// The path of a datagram:
//
//	socket ──► coap/udp ──► Handler.Handle ──► coap/udp ──► socket
//	            reader        coap/message       reader
//	                          resource
//	                          update.Engine: from memory, at once
//	                          or telemetry.Upstream
//	                          coap/message
//
// [Handler] is a function from datagram to datagram. [Server] is the front: a
// handler on a port.
//
// Since every request is answered at once and a GET or a Status changes nothing
// when it is repeated, the message layer needs no memory for those: a CON is
// answered in its ACK, a NON by a NON, a retransmission by the same answer again.
// A client that restarts, or counts its message IDs anew, gets what it asks for.
//
// Telemetry is for once. The answers to it are kept for 247 s, 32768 of them at
// most, and a copy of a message is given the very same answer, command included.
// Until a message has its answer, its copies wait for it. Readers that have other
// messages do not wait: the answers are in 64 shards, each with a lock of its own.
//
//	POST /v1/{channel}   query, option 4209, as for /v1/dfu; ct is not waited for
//
//	2.05  a command that waited for the device: its name in option 4210, its
//	      payload as it is, without Content-Format
//	2.04  telemetry is taken, and no command waits
//	4.00  no channel, or no level of an MQTT topic; no device is named
//	4.06  said to be JSON and is not
//	4.13  in several blocks, or longer than a datagram
//	5.03  no upstream for it: again after Max-Age
//
// An empty payload is telemetry too. Telemetry goes up as the media type of its
// Content-Format. Without a Content-Format it is JSON if it can be, and octet-stream
// otherwise. An unknown Content-Format is octet-stream: a wrong guess at JSON could
// change the payload. A command must fit one datagram, or the one block that the
// client asks for. A command that does not fit is counted, logged and lost, and the
// next command takes its place.
//
// Invariants:
//   - A datagram costs no allocation, waits for nothing, and leaves nothing
//     behind: no session, no transfer, no goroutine per peer. Telemetry allocates,
//     leaves its answer, and waits for the answer of its own copy, or of one in 64
//     of the messages that another reader hands on at that moment.
//   - What is malformed gets a Reset or silence, never a guess.
//   - A critical option that is not understood is refused, for CON and NON.
//   - A block starts where the client asks for it. It is never larger than the
//     client, the configuration or the device's profile allows.
//   - Nothing sent to a group is answered.
//
// Sizes and offsets are bytes. A reply is at most 1152 bytes, a datagram that
// is received at most 2048.
//
// Specifications: RFC 7252 (CoAP; sections 3 and 4 messages, 4.8.2 how long copies
// may come, 5 requests, 12.3 Content-Formats),
// RFC 7959 (Block2, Size2), RFC 6690 (discovery), draft-ietf-core-corr-clar
// (critical options of NON), and Drogue Cloud's CoAP endpoint for /v1.
package coap
