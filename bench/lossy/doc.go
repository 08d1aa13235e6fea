// Package lossy is a bad network in a box: a UDP relay on 127.0.0.1 that loses,
// doubles, delays and reorders datagrams between many clients and one server.
//
// It stands between simulated devices and the gateway, in tests and in the
// benchmarks of block size, round-trip time and loss:
//
//	clients ──► Link ──► server      Up impairs this direction
//	clients ◄── Link ◄── server      Down impairs this one
//
// Invariants:
//   - Each client address has one upstream socket of its own, so the server
//     sees as many peers as there are clients and replies find their way.
//   - Datagrams with equal delay keep their order; only Reorder breaks it.
//   - Memory is bounded: at most MaxClients sockets, at most MaxQueued delayed
//     datagrams; what exceeds them is dropped and counted.
//   - Only Run starts goroutines, and it returns when all of them have ended.
//
// Probabilities are 0 to 1, delays are one-way. A delay is never cut short and
// is late by the granularity of the system's timers, up to about 1 ms.
//
// Specifications: none. It carries datagrams of any content up to 4096 bytes;
// longer ones are dropped.
package lossy
