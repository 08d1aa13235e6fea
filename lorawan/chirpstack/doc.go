// Package chirpstack speaks with ChirpStack v3 and v4: their events in, their
// downlink commands out.
//
// It is the codec between a broker's messages and the types of package
// lorawan; it holds no connection and no state.
//
//	event/up    ──► Uplink          event/ack   ──► Ack
//	event/join  ──► Joined          event/txack ──► TxAck
//	event/error (v3), event/log (v4) ──► Error      all others ──► Other
//	Downlink    ──► command/down
//
// ChirpStack v3 has one of three marshalers, which the content tells apart:
//
//	json_v3   JSON, devEUI is 16 hex digits, the data rate is in txInfo
//	json      JSON, devEUI is base64, the data rate is at the top
//	protobuf  no JSON at all
//
// ChirpStack v4 writes JSON that leaves out what is zero. Its protobuf is not
// read: the message types of both generations do not live in one program.
// Commands are JSON in either generation and for every marshaler.
//
// Invariants:
//   - The topic says whose event it is; a payload that says otherwise is
//     refused, as brokers grant rights by topic.
//   - Every command has another ID in it, since v3 drops for 100 ms what it has
//     seen byte for byte.
//   - Decode keeps nothing of the payload it was given.
//
// Payloads are bytes, at most [lorawan.MaxPayload].
//
// Specifications: as/integration of the ChirpStack v3 API, integration events
// of ChirpStack v4, the JSON mapping of proto3.
package chirpstack
