// Package backend is what stands behind a gateway, on loopback: an OCI
// registry with a firmware, and a stand-in for Drogue Cloud whose application
// wants that firmware on all its devices.
//
// It is what "gateway demo" and the benchmark of upstream cost are made of:
//
//	Images (OCI registry) ◄──┐
//	Registry (REST) ◄────────┼── the gateway with that Configuration
//	Endpoint (MQTT) ◄────────┘
//
// Invariants:
//   - Everything listens on free ports of 127.0.0.1.
//   - Only what is asked of the image registry after Start is counted, not the
//     push of the firmware.
//
// Start starts goroutines, and Close returns when all have ended. Sizes are
// bytes.
//
// Specifications: OCI distribution 1.1; Drogue Cloud 0.11 as in droguetest.
package backend
