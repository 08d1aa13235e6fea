// Package block is the arithmetic of CoAP block-wise transfers: the value of
// the Block1 and Block2 options, and of Size1 and Size2.
//
// The CoAP front computes with it which bytes of an image a request asks for.
// It is pure: no messages, no I/O, no allocation.
//
// Invariants:
//   - What [Parse] accepts, [Value.Append] writes back in its shortest form.
//   - [Value.Within] never moves a transfer: the byte offset stays.
//
// Offsets and sizes are bytes. A block is 16 to 1024 bytes, there are at most
// 2^20 of them, so a body that is transferred in blocks is at most 1 GiB.
//
// Specifications: RFC 7959 sections 2.2 (the option), 2.4 (Block2) and 4 (Size).
package block
