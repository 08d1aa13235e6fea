// Package chirpstack is the codec of ChirpStack v3 and v4: their events in, their
// downlink commands out.
//
// The codec stands between a broker's messages and the types of package event. It holds
// no connection and no state.
//
//	event/up    ──► Uplink          event/ack   ──► Ack
//	event/join  ──► Joined          event/txack ──► TxAck
//	event/error (v3), event/log (v4) ──► Error      all others ──► Other
//	Downlink    ──► command/down
//
// ChirpStack v3 has one of three marshalers. The codec tells them apart by the payload:
//
//	json_v3   JSON, devEUI is 16 hex digits, the data rate is in txInfo
//	json      JSON, devEUI is base64, the data rate is at the top
//	protobuf  no JSON
//
// ChirpStack v4 writes JSON that leaves out fields that are zero. The codec does not read
// the protobuf of v4: one program cannot hold the message types of both versions.
// Commands are JSON for both versions and every marshaler.
//
// Invariants:
//   - An event is about the device that the topic names. A payload that names another
//     device is refused, as brokers grant rights by topic.
//   - Every command has an ID of its own: v3 drops a command whose bytes equal those of
//     a command in the last 100 ms.
//   - Decode keeps nothing of the payload it was given.
//
// Payloads are bytes, at most event.MaxPayload.
//
// Specifications: as/integration of the ChirpStack v3 API, integration events
// of ChirpStack v4, the JSON mapping of proto3.
package chirpstack
