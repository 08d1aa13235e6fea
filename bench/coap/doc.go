// Package coap measures a CoAP server: chunk throughput, latency and cost, and
// how far they are from the best that is possible on the same machine.
//
// It is what "gateway bench coap" runs. The server and its limit are processes
// of their own, which the generator asks in turns:
//
//	load.Generator ──► this gateway, or another CoAP server
//	               ──► load.Responder: receives and sends datagrams of the same
//	                   sizes and looks at none
//
// Invariants:
//   - Every answer is compared with the only right one, byte for byte.
//   - Generator and server have a core each where there are two.
//   - Figures are medians over the runs, ratios the medians of each run's ratio.
//
// Latencies are microseconds, CPU time is microseconds per block. It needs
// Linux: CPU clocks of other processes, recvmmsg and sendmmsg.
//
// Specifications: RFC 7252, RFC 7959 section 2.4.
package coap
