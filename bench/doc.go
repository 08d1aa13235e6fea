// Package bench measures the gateway, and says how far it is from the best that
// is possible on the same machine.
//
// It is what "gateway bench" runs. It stands outside of everything it measures:
//
//	[CoAP]   load.Generator ──► this gateway, or another CoAP server, as a process
//	                        ──► load.Responder, as a process: the limit
//	[Link]   device.Device ──► link.Link (delay, loss) ──► gateway in this process
//	[LoRaWAN] network server and devices ──► MQTT broker ──► gateway in this process
//	[Cache]  a thousand goroutines ──► cache.Cache
//	[Upstream] device.Device ──► gateway in this process ──► meters ──► backend.Backend
//	                      without a gateway, as before it ──► meters ──► the same
//
// Each of the five is a configuration with a Run method that returns a
// [Report]: it prints itself as text, JSON and HTML.
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
