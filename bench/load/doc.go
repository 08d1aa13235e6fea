// Package load asks a CoAP server for firmware as fast as it answers, and
// checks every byte of every answer.
//
// It is the generator of "gateway bench coap", and the bare responder that the
// gateway is compared with:
//
//	peers, each in lock-step ── sendmmsg ──► server
//	        ▲                                  │
//	        └── Transfer.Check ◄── recvmmsg ◄──┘
//
// A [Peer] is one device: it has one request outstanding and asks for the next
// block when the answer is here (RFC 7959 section 2.4). A [Transfer] writes the
// requests and judges the answers; [Block] is a Block2 GET, [Write] the Status
// and Command of package dfu. A [Generator] moves all peers over one socket, a
// batch at a time. It polls and never sleeps, so that the server never pays for
// waking it up.
//
// Invariants:
//   - An answer that differs from the only right one ends the run with
//     [ErrWrong]: type, token, message ID, code, Block2, ETag, every byte of
//     payload.
//   - A request unanswered within Config.Timeout is lost: counted and sent again
//     with its message ID. A late answer to it is no error.
//   - At steady state neither the generator nor the responder allocates.
//   - Nothing is sent to an address outside 127.0.0.0/8.
//   - Nothing is started: Run and Serve work on the caller's goroutine.
//
// Offsets and sizes are bytes. A request is at most 512 bytes, an answer 2048;
// there are at most [MaxPeers] peers.
//
// Specifications: RFC 7252 sections 3 and 4.2, RFC 7959 sections 2.2 to 2.5.
package load
