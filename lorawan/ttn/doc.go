// Package ttn speaks with The Things Stack v3: its application events in, its
// downlink queue operations out.
//
// It is the codec between the messages of the stack's MQTT server and the
// types of package lorawan; it holds no connection and no state.
//
//	up        ──► Uplink            down/ack, down/nack ──► Ack
//	join      ──► Joined            down/sent           ──► TxAck
//	down/failed ──► Error           all others          ──► Other
//	Downlink  ──► down/push, or down/replace
//
// The stack reports data rates by modulation; the region of the network turns
// them into an index. Its JSON leaves out what is empty, zero or false.
//
// Invariants:
//   - The topic says whose event it is; a payload that says otherwise is
//     refused.
//   - Simulated uplinks, made up in the stack's console, are never answered.
//   - A downlink carries its ID as a correlation ID, which the stack hands back.
//   - Decode keeps nothing of the payload it was given.
//
// Payloads are bytes, at most [lorawan.MaxPayload]. The stack's server speaks
// MQTT 3.1.1 at QoS 0. The community network allows 10 downlinks a day, so
// firmware needs a network of one's own.
//
// Specifications: The Things Stack v3 data formats, MQTT server, downlink queue
// operations.
package ttn
