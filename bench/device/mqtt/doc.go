// Package mqtt is the way of a simulated device to a gateway's MQTT front.
//
//	device.Device ── Transport ──► PUBLISH dfu ──► gateway
//	                          ◄── command/inbox//dfu ──┘
//
// Invariants:
//   - One message is on its way at a time, over one connection.
//   - What a device with room for one packet could not take is a violation.
//   - No goroutine is started.
//
// Sizes are bytes of a packet.
//
// Specifications: MQTT 5.0, MQTT 3.1.1; Drogue Cloud's MQTT endpoint.
package mqtt
