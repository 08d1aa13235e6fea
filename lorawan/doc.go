// Package lorawan is the LoRaWAN front: devices behind a network server ask
// for firmware with the Status of package dfu in an uplink, and get a Command
// in the downlink that rides the receive window of that uplink. Their other
// uplinks go up as telemetry, and commands of the upstream come down.
//
// The path of an uplink:
//
//	network server ── MQTT ──► Codec ──► Event ──► Handler ──► update.Engine
//	        ▲                                         │        from memory, at once
//	        └──── MQTT ◄── Codec ◄── Downlink ◄───────┘
//
// [Network] is the loop around a [Handler]: package mqtt holds the connection,
// the codecs of chirpstack and ttn translate between the network servers'
// messages and the types here. Handler does no I/O. Package region knows how
// much a downlink may carry; Handler takes from that what a network server has
// refused, and leaves room for MAC commands where they were seen to need it.
//
// Telemetry is an uplink with a payload on an FPort that is not for firmware. The
// channel is the FPort, "2", as at Drogue Cloud's integration of The Things Stack;
// the payload is the FRMPayload, as application/octet-stream.
//
// A command has the name port:N, and its payload goes down on FPort N as it is,
// unconfirmed: at once ([Network.Wake]) to a device that was heard since the
// start, else with its next uplink. What is not sent yet waits in the inbox of
// package telemetry for its time there. Other names, the FPorts of firmware, and
// what the last uplink's data rate leaves no room for are dropped, counted and
// logged with what would do.
//
// Invariants:
//   - An event names its device as the topic does it came on.
//   - A payload that the network could not decrypt is never handed on.
//   - Two downlinks differ on the wire, even with equal bytes: servers drop
//     what looks like a repetition.
//   - Per device, at most one downlink with firmware is in the network server's
//     queue: two corrupt real devices. While it may be there, nothing is sent.
//   - Nor is it ever there beside a command: ChirpStack v3 does not tell which of
//     two has left. In an update they take turns.
//   - An uplink is taken once, by its frame counter. After a restart that is known
//     from a device's second uplink on.
//   - Progress is what the device reports; that a radio gateway has taken a
//     downlink only says that it has left the queue.
//   - Nothing is sent between a join and the first uplink, when network servers
//     encrypt with the wrong key; firmware only in answer to an uplink.
//   - A Wait is silence.
//   - With several gateways on one broker, each device has exactly one: see
//     [Shard].
//
// What is known of devices is in memory alone and bounded: 65536 devices, the
// least recently heard go first. Payloads are bytes of FRMPayload, at most
// [MaxPayload]. An answer is worth its airtime for about 85 ms after the event.
//
// Specifications: LoRaWAN 1.0.x sections 3 and 4, ChirpStack v3 and v4
// integration events, The Things Stack v3 data formats.
package lorawan
