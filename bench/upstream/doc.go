// Package upstream measures what an update campaign costs the link of a site:
// the bytes and requests between the gateway and the servers that it speaks to.
//
// It is what "gateway bench upstream" runs:
//
//	device.Device ──► gateway in this process ──► meters ──► backend.Backend
//
// Invariants:
//   - The firmware is fetched once for all devices; anything else is an error.
//   - What a meter has counted is what the server behind it has.
//   - A device waits at each step of progress until the cloud was told, so that
//     the figures do not depend on the speed of the machine.
//
// Sizes are bytes of payload in TCP connections: without TCP, IP and TLS.
package upstream
