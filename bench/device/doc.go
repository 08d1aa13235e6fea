// Package device is the far end of the gateway: an update client that behaves
// like the microcontrollers in the field, and complains about everything a
// gateway must not do to them.
//
// It is the device of the demo, of the command "gateway device", of the
// integration tests and of the load generators:
//
//	Device ── Transport ──► CoAP (POST /v1/dfu) ──► Client ──► UDP or DTLS
//	       │           └──► device/http, device/mqtt
//	       └─────────────── Block2 GET /fw/... ───► Client
//
// A [Device] made with [New] follows the update protocol (Status and Command);
// its flash and its state machine have the habits of real firmware, the bad
// ones included: a Write at offset 0 erases the flash but keeps the offset, and
// a reboot forgets how far an update had come. One made with [NewBlock] reads
// the manifest and fetches the image block by block.
//
// Invariants:
//   - An image is booted only when its SHA-256 is the one that the gateway
//     named. Real devices of this family do not look.
//   - What the gateway did wrong is in the list of violations, and the device
//     goes on as a real one would.
//   - No goroutine is started; Run and Do work on the caller's. Memory is one
//     image and 64 violations at most.
//
// Offsets and sizes are bytes of firmware, durations real time, versions text.
// An image is at most 64 MiB, a datagram at most 1152 bytes.
//
// Specifications: RFC 7252 sections 4.2 (retransmission), 4.6 (message size),
// 5.2 (responses), 5.4.1 (critical options); RFC 7959 sections 2.2 to 2.4 and 4.
package device
