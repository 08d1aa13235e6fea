// Package lorawan is the LoRaWAN front. A device behind a network server sends the
// Status of package dfu in an uplink, and gets a Command in the downlink that rides
// the receive window of that uplink. Other uplinks go up as telemetry, and commands of
// the upstream come down.
//
// The path of an uplink:
//
//	network server ── MQTT ──► Codec ──► Event ──► Handler ──► update.Engine
//	        ▲                                         │        from memory, at once
//	        └──── MQTT ◄── Codec ◄── Downlink ◄───────┘
//
// [Network] is the loop around a [Handler]. Package link/mqtt holds the connection to
// the broker. The codecs of packages chirpstack and ttn translate between the messages
// of a network server and the types of package event. The Handler does no I/O. Package
// region knows how many bytes a downlink may have. Package queue knows what may be in
// the network server's queue. The Handler sends less than the region allows where the
// network server has refused a downlink, and leaves room for MAC commands where they
// needed it.
//
// An uplink with a payload on an FPort that is not for firmware is telemetry. The
// channel is the FPort, "2", as at Drogue Cloud's integration of The Things Stack; the
// payload is the FRMPayload, as application/octet-stream.
//
// A command with the name port:N goes down on FPort N with its payload as it is,
// unconfirmed. If the device was heard since the start and since its last join, the command
// goes down at once (see [Network.Wake]), else with the next uplink. Until then the command
// waits in the inbox of package telemetry, for the time that the inbox allows. A command is dropped,
// counted and logged if it has another name, if its FPort is one for firmware, or if it
// does not fit a downlink at the data rate of the last uplink.
//
// Invariants:
//   - An event is about the device that the topic of its message names.
//   - A payload that the network server could not decrypt is never handed on.
//   - Two downlinks differ on the wire, even with equal bytes: ChirpStack v3 drops a
//     repetition.
//   - The network server's queue never holds two downlinks with firmware for one
//     device: two of them corrupt real devices. While one may be there, nothing is sent
//     but a probe. In an update, commands and firmware take turns.
//   - An uplink is taken once, by its frame counter. After a restart, the first uplink
//     of a device is taken whatever its frame counter is.
//   - Progress is what the device reports. A txack only says that a downlink has left
//     the queue.
//   - Nothing is sent between a join and the first uplink, when network servers
//     encrypt with the wrong key. Firmware is sent only in answer to an uplink.
//   - A Wait of the engine is not sent: without an answer the device waits as well.
//   - Of several gateways on one broker, exactly one answers a device: see [Shard].
//
// Payloads are bytes of FRMPayload, at most event.MaxPayload. The front remembers 65536
// devices, in memory alone; the device that was not heard for the longest time is
// forgotten first. Each of 4 workers holds 4096 events; further events are dropped and
// counted. An answer reaches the window if it is published within about 85 ms of the
// event.
//
// Specifications: LoRaWAN 1.0.x sections 3 and 4, ChirpStack v3 and v4
// integration events, The Things Stack v3 data formats.
package lorawan
