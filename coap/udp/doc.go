// Package udp is the datagram loop of the CoAP front: datagrams in, datagrams out,
// in batches.
//
// Every reader owns a socket of the same port, its buffers, and one batch at a time:
//
//	socket ── recvmmsg ──► batch of requests ──► Handler ──► batch of replies ── sendmmsg ──► socket
//
// The kernel spreads the peers over the sockets by their addresses, so all that a
// peer sends comes to one reader. Linux alone has this; elsewhere one reader takes
// one datagram at a time.
//
// Invariants:
//   - A datagram costs no allocation: all memory of a reader is taken once.
//   - Readers share nothing but the Handler.
//   - A reply comes from the address that its request was sent to, by whatever
//     route leads to the peer.
//   - What was sent to a group or broadcast address is not answered.
//   - A second server on the same port fails.
//   - A Server has no goroutine before Run and none after it.
//
// Sizes are bytes. At most 2048 of a datagram are received, a reply is at most
// 1152.
//
// Specifications: recvmmsg(2), ip(7) IP_PKTINFO, ipv6(7) IPV6_RECVPKTINFO, socket(7)
// SO_REUSEPORT; RFC 7252 section 8.2 (requests to groups).
package udp
