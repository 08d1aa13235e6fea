// Package event is what LoRaWAN network servers say about devices, and what the gateway
// asks them to send, in one shape for all servers.
//
//	ChirpStack v3, v4 ─► lorawan/chirpstack ─┐                ┌─► lorawan.Handler
//	The Things Stack ──► lorawan/ttn ────────┴─ Event ────────┘
//	                 ◄── codecs ◄─────────────── Downlink ◄────── lorawan.Handler
//
// A codec makes events from the messages of its server, and messages from downlinks. A
// codec knows nothing else of the front.
//
// Invariants:
//   - An event is about the device that the topic of its message names.
//   - A payload that the network server could not decrypt is not in an event.
//   - Two downlinks differ in their ID, even with equal bytes.
//
// Payloads are bytes of FRMPayload, at most [MaxPayload].
//
// Specifications: LoRaWAN 1.0.x sections 3 and 4, RP002-1.0.4, RFC 9562 (UUIDs).
package event
