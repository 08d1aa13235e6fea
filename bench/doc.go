// Package bench is the harness of the laboratory: the gateway under test, its
// firmware and the names of its devices, the same for all benchmarks.
//
// "gateway bench" runs one package per subject. Each stands outside of what it
// measures, and starts the gateway as an operator does, from a configuration:
//
//	coap      load.Generator ──► this gateway, or another CoAP server, as a process
//	                         ──► load.Responder, as a process: the limit
//	link      device.Device ──► lossy.Link (delay, loss) ──► gateway in this process
//	lorawan   network server and devices ──► MQTT broker ──► gateway in this process
//	cache     a thousand goroutines ──► cache.Cache
//	upstream  device.Device ──► gateway in this process ──► meters ──► backend.Backend
//
// Each subject is a Benchmark with a Run method that returns a report.Report,
// which writes itself as text, JSON and HTML.
//
// Invariants:
//   - Figures are of answers that were checked, byte for byte.
//   - The server and its limit are measured in turns, so that what else the
//     machine does meets both; figures are medians over the turns.
//   - Only this machine is loaded: servers elsewhere are refused.
//   - What is multiplied or computed rather than measured is called so.
//   - Every run is bounded in time and memory, and leaves neither processes nor
//     files.
//
// Times in reports carry their unit in the name, sizes are bytes; a figure that
// could not be measured is null.
//
// Specifications: RFC 7252 section 4.8 (retransmission), RFC 7959 section 2.4,
// MQTT 5.0.
package bench
