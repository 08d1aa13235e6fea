// Package http is the HTTP front: devices ask it for firmware with the
// Status and Command of package dfu, and hand it their telemetry, as they would
// at the HTTP endpoint of Drogue Cloud.
//
// The path of a request:
//
//	connection ──► Server ──► Handler ──┬─ /v1/dfu ──────► update.Engine: from memory, at once
//	 (bounded)    net/http    identity  └─ /v1/{channel} ─► telemetry.Upstream: hand on, then a command
//	                          body
//
// The Basic user names the device, in the shapes of package identity; the password
// is not looked at. The part of a path behind the channel changes nothing.
//
//	POST /v1/{channel}?application=&device=&as=&ct=
//
//	200  a command: its name in the header "command", its payload the body
//	202  telemetry is taken, and no command waits
//	400  the query, or the Status, cannot be read
//	403  no device is named, or not in one of the shapes
//	404  no such path, or no level of an MQTT topic; without an upstream there is
//	     no channel but dfu
//	406  said to be JSON and is not
//	413  a body of more than 64 KiB
//	503  telemetry was not taken: later again
//
// Invariants:
//   - A Status is answered at once, whatever ct says: 200, with the header
//     "command: dfu".
//   - The answer to a Status is at most 2048 bytes, head included, with a
//     Content-Length, in one write and one TLS record. Devices of the reference
//     family read into 2048 bytes. No release of them can read all of these: a record
//     larger than the buffer, an answer in two records, a chunked body.
//   - No request waits for anything but its own bytes.
//   - Connections, headers, bodies and the time each may take are bounded.
//   - Only a request with a ct above 0 takes a command, after its telemetry was
//     taken: the sender of another request would not read it. A command is handed out
//     at most once.
//
// With TLS, devices of the reference family need an ECDSA key (P-256) and a chain
// of certificates below 6000 bytes. They connect anew for each Status.
//
// Sizes are bytes. At most 1024 connections are open. Further connections wait to be
// accepted.
//
// Specifications: RFC 9110 (HTTP), RFC 9112 (HTTP/1.1), RFC 7617 (Basic), RFC 8446
// section 5.1 (records), and Drogue Cloud's HTTP endpoint.
package http
