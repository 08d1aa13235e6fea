// Package lorawan measures how long the gateway takes from the event of an
// uplink to the command of its downlink, through a real MQTT broker and as the
// network server sees it, and how much firmware a downlink carries.
//
// It is what "gateway bench lorawan" runs:
//
//	devices ─► chirpstacktest.Server ─► MQTT broker ─► gateway in this process
//
// Invariants:
//   - Every Write is compared with the firmware, byte for byte.
//   - Devices send at moments of their own, however long answers take.
//   - A quantile that there are too few samples for is null.
//
// Latencies are milliseconds, sizes bytes.
//
// Specifications: LoRaWAN 1.0.x section 3 (class A), MQTT 5.0.
package lorawan
