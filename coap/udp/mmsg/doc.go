// Package mmsg moves many datagrams in one system call: recvmmsg and sendmmsg.
//
// It is the lowest part of the CoAP front's sockets, and of the load generator
// that measures them. Linux alone has these calls.
//
// A call is made without a word to Go's scheduler, which would take the
// processor away in every call that lasts 20 us, as a batch does, and give it
// back at the price of two thread switches. Only a call that has to wait is
// announced, and then blocks its thread, which costs less per wake-up than the
// netpoller.
//
// Invariants:
//   - A call allocates nothing. The caller owns all memory that messages point
//     to, and keeps it where it is.
//
// Specifications: recvmmsg(2), sendmmsg(2).
package mmsg
