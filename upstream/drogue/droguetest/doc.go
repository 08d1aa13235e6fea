// Package droguetest is a stand-in for Drogue Cloud on loopback: the device
// registry, the HTTP and the MQTT endpoint of devices, and the MQTT
// integration of applications, in one process and without storage.
//
//	registry ─────────────────────────► apps: devices, accounts, streams
//	HTTP, MQTT endpoint, integration ──►   │
//	          all behind wire: listeners that fail when they are told to
//
// It is for tests, measurements and demonstrations. What it answers is what
// Drogue Cloud 0.11 answers, with its traps:
//
//   - 403, never 401; an empty 404 for a device that does not exist, a JSON one
//     for an application; 204 and no new version for a write that changes
//     nothing; unknown metadata refused; versions are UUIDs.
//   - A section spec.core that does not say disabled: true takes a device for
//     disabled when a command is sent to it.
//   - Every change of a device is an event io.drogue.registry.v1 on the stream
//     of its application, one for each changed section.
//   - MQTT wants clean sessions, answers every failed connection as bad
//     credentials, and gives a device one session: the newer takes over.
//   - A publish that fails has a reason in MQTT 5, and ends the connection in
//     3.1.1. What a gateway device may speak for is remembered for 30 s.
//   - Commands are QoS 0 and kept for nobody. A long poll over HTTP subscribes
//     after its event is published, and may miss the answer to it.
//   - The integration delivers one event at a time, under the filter without
//     its $share or $shared prefix, and acknowledges commands it refuses. An
//     event whose data schema is no URL ends the connection, again and again.
//
// Left out: the CoAP endpoint, WebSocket, client certificates and PSK, hashed
// passwords, processing rules, the command REST API, members and tokens.
//
// Faults are set per [Kind]: [Cloud.Set] takes one away or has it hang,
// [Cloud.Inject] spoils single answers, [Cloud.Counters] counts.
//
// Limits: 64 KiB per body, 16 KiB per MQTT packet.
package droguetest
