// Package plan says how long an update over LoRaWAN takes, before the update starts.
//
// It stands beside the data path, behind "gateway plan". It cuts the firmware into
// Writes as the gateway does, and adds up their airtime with the rules of package region.
//
//	size, data rate ──► downlinks ──► x airtime / duty cycle ──► the radio gateway's time
//	                        └───────► x uplink interval ───────► the device's time
//
// Invariants:
//   - An update that cannot end is an error, not a duration. The Swap must fit into a
//     downlink, and the Status must keep the dwell time.
//   - Times are the least possible: no frame is lost, and nobody else is on the air.
//   - An update takes as long as the slowest of its limits.
//   - Downlinks of all devices go through one radio gateway.
//
// Sizes are bytes, duty cycles are shares of 1.
//
// Specifications: the wire format of package dfu, LoRaWAN 1.0.x section 3
// (class A: a downlink follows an uplink), ETSI EN 300 220 (duty cycle).
package plan
