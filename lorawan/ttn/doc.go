// Package ttn is the codec of The Things Stack v3: its application events in, its
// downlink queue operations out.
//
// The codec stands between the messages of the stack's MQTT server and the types of
// package event. It holds no connection and no state.
//
//	up        ──► Uplink            down/ack, down/nack ──► Ack
//	join      ──► Joined            down/sent           ──► TxAck
//	down/failed ──► Error           all others          ──► Other
//	Downlink  ──► down/push, or down/replace
//
// The stack reports data rates by modulation; the region of the network turns a
// modulation into an index. The JSON of the stack leaves out fields that are empty, zero
// or false.
//
// Invariants:
//   - An event is about the device that the topic names. A payload that names another
//     device is refused.
//   - Simulated uplinks, which people make in the stack's console, are never answered.
//   - A downlink carries its ID as a correlation ID, and the stack repeats correlation
//     IDs in its events.
//   - Decode keeps nothing of the payload it was given.
//
// Payloads are bytes, at most event.MaxPayload. The stack's server speaks MQTT 3.1.1 at
// QoS 0. The community network allows 10 downlinks a day, so firmware needs a private
// network.
//
// Specifications: The Things Stack v3 data formats, MQTT server, downlink queue
// operations.
package ttn
