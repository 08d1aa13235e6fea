// Package chirpstacktest is a ChirpStack that needs no radio: a network server
// of version 3 or 4 on a real MQTT broker, with the class A and class C devices
// it serves. It has the habits, bad ones included, that were measured on real
// servers.
//
// It is the far end of the LoRaWAN front in tests, in the demo and in
// benchmarks:
//
//	Device.Exchange ─ radio ─► Server ─ event/up ─► MQTT broker ─► gateway
//	       ▲                     │  ▲                    │            │
//	       └──── downlink ───────┘  └──── command/down ──┴────────────┘
//
// What an uplink goes through (times of clock.Measured):
//
//	0 ms      the frame is heard; copies from other radio gateways are awaited
//	210 ms    event/up; the wait for an answer begins
//	310 ms    the first item that fits is taken from the queue and sent
//	330 ms    event/txack, or event/error when no radio gateway took it
//	1 s, 2 s  RX1 and RX2: the device hears it, or nothing
//
// A command becomes a queue item 9 to 19 ms after it has come, in an order of
// its own; so the answer to an uplink must come within 81 to 91 ms.
//
// Invariants:
//   - A device has one exchange under way, and its frame counters are those of
//     LoRaWAN: a reused one is rejected.
//   - Equal seeds and equal traffic give equal losses and an equal order of
//     commands.
//   - New starts nothing; Run owns all
//     goroutines, whatever the number of devices. Exchange works on its
//     caller's.
//   - What is recorded is bounded: the first 131072 downlinks and the first
//     1048576 latencies. Counters go on.
//
// Payloads are bytes of FRMPayload, times are real time. Frequencies in events
// are those of EU868 whatever the region. Airtime and duty cycle take no time.
//
// Specifications: LoRaWAN 1.0.3 sections 3.3 (receive windows), 4.3.1 (FOpts,
// FPending, ACK) and 6.2 (join); ChirpStack v3 and v4 integration events.
package chirpstacktest
