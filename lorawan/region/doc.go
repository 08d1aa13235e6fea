// Package region knows the radio rules of a LoRaWAN network: how many bytes the
// downlink after an uplink may carry, how long frames are on the air, and what
// share of time the law leaves for them.
//
// It stands beside the data path. The LoRaWAN front asks a [Network] for the [Region] of
// an uplink, the Region for the limit of the answer, and a [Budget] whether there is
// airtime left. Package plan asks for the airtime of a whole update. The tables are those
// of brocaar/lorawan, which ChirpStack v3 uses too. The package does no I/O.
//
//	uplink DR ──► RX1 DR (by RX1DROffset) ──► N(RX1 DR) ─┐ rx1
//	                                                     ├─ the smaller: rx1+rx2
//	              RX2 DR ───────────────────► N(RX2 DR) ─┘ rx2, class_c
//
// Invariants:
//   - The limit is that of the downlink, never that of the uplink.
//   - A data rate that the region does not define is an error, never a guess.
//   - A Region and a Network are immutable, and safe for concurrent use.
//
// Payloads are bytes of FRMPayload: N of the regional parameters. MAC commands in FOpts
// take their share of these bytes. Frequencies are Hz, duty cycles are shares of 1.
//
// Specifications: LoRaWAN Regional Parameters 1.0.2 B to RP002-1.0.3, LoRaWAN
// 1.0.x section 3 (receive windows), Semtech AN1200.13 (time on air), ETSI
// EN 300 220 (duty cycle in Europe).
package region
