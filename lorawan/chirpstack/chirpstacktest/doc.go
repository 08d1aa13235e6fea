// Package chirpstacktest is a simulated ChirpStack: a network server of version 3 or 4 on
// a real MQTT broker, with its class A and class C devices, and without a radio. It
// behaves as real servers were measured, faults included.
//
// It is the network of the LoRaWAN front in tests, in the demo and in benchmarks:
//
//	Device.Exchange ─ radio ─► Server ─ event/up ─► MQTT broker ─► gateway
//	       ▲                     │  ▲                    │            │
//	       └──── downlink ───────┘  └──── command/down ──┴────────────┘
//
// The course of an uplink (times of clock.Measured):
//
//	0 ms      the server hears the frame, and waits for copies from other radio gateways
//	210 ms    event/up; the wait for an answer begins
//	310 ms    the first item that fits is taken from the queue and sent
//	330 ms    event/txack, or event/error if no radio gateway took the downlink
//	1 s, 2 s  RX1 and RX2: the device hears the downlink, or nothing
//
// A command becomes a queue item 9 to 19 ms after its arrival, and commands overtake each
// other. So the answer to an uplink must come within 81 to 91 ms.
//
// Invariants:
//   - A device has one exchange under way. It rejects a downlink whose frame counter was
//     used before.
//   - Equal seeds and equal traffic give equal losses and an equal order of
//     commands.
//   - New starts nothing. Run owns all goroutines, and their number does not depend on
//     the number of devices. Exchange runs on the goroutine of its caller.
//   - Records are bounded: the first 131072 downlinks and the first 1048576 latencies.
//     Counters go on.
//
// Payloads are bytes of FRMPayload, times are real time. Frequencies in events are those
// of EU868 in every region. Airtime and duty cycle take no time.
//
// Specifications: LoRaWAN 1.0.3 sections 3.3 (receive windows), 4.3.1 (FOpts,
// FPending, ACK) and 6.2 (join); ChirpStack v3 and v4 integration events.
package chirpstacktest
