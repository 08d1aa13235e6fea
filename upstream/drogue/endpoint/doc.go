// Package endpoint speaks as the devices of one application to Drogue Cloud's
// endpoints, through the application's gateway device.
//
//	forwarder ── Publish ──► Endpoint ──► channel, as the device   (MQTT or HTTP)
//	inbox ◄──── Commands ◄──────┘ command inbox                    (MQTT)
//
// None of it is on the device path. [Endpoint.Publish] returns with the cloud's
// word. Package link/mqtt holds the MQTT connection.
//
// Invariants:
//   - A gateway device speaks for the devices of its own application alone.
//   - Every error of Publish is drogue.ErrAway, drogue.ErrDenied or
//     upstream.ErrRejected, or the error of its context. After drogue.ErrAway the
//     event may have arrived: Drogue Cloud takes it at least once.
//   - A command that an update server in the cloud sends is dropped: devices have
//     their firmware from this gateway alone, chunks of two servers would mix.
//
// Drogue Cloud checks JSON. Over MQTT 3.1.1, which carries no content type, and
// without one, it takes what looks like JSON for JSON.
//
// Limits: 64 KiB per event over HTTP, 16 KiB per MQTT packet, 30 s per request.
//
// Specifications: Drogue Cloud 0.11 (HTTP and MQTT endpoint); MQTT 5.0 and 3.1.1.
package endpoint
