// Package drogue connects the gateway to Drogue Cloud: which firmware a device
// should run comes in, what devices do goes out.
//
//	              REST                         REST
//	Desired ◄── Registry ◄── spec.firmware   WriteStatus ──► status.firmware
//	               ▲
//	               └── registry events (MQTT integration, optional)
//
//	Publish ──► Publisher ──► channel, as the device   (MQTT or HTTP endpoint)
//	Commands ◄─────┘ command inbox                     (MQTT endpoint)
//
// Package link/mqtt holds the MQTT connections. None of it is on the device
// path: [Registry.Desired] answers from memory, [Publisher.Publish] and
// [Registry.WriteStatus] are called by the forwarder and return with the
// upstream's word.
//
// Invariants:
//   - What the registry last said is served until it says something else. An
//     outage, a refused token or an answer that is not Drogue Cloud's never
//     takes desired firmware away; it survives a restart through the [Store].
//   - A section that does not parse is an error on that device, and does not
//     fall back to the application's.
//   - A device is written back as it was read: only status.firmware changes,
//     under optimistic locking, and only when it says something new.
//   - A gateway device speaks for the devices of its own application alone.
//   - Every error of a call upstream is ErrAway, ErrDenied or ErrRejected.
//
// A registry event says that something changed in a device, not what; our own
// status writes cause them too. Such a device is read again, except after our
// own write, which has just read it. Applications cause no events: they are
// read every refresh. The integration delivers every event of an application,
// telemetry included: on a metered link, leave it out. Its group must be this
// gateway's own, or another gateway gets part of the events.
//
// Limits: 64 KiB per resource and per event over HTTP, 16 KiB per MQTT packet,
// 4096 questions in the queue, 30 s per request.
//
// Specifications: Drogue Cloud 0.11 (device registry v1alpha1, HTTP and MQTT
// endpoint, MQTT integration); Drogue Ajour's firmware sections; CloudEvents
// 1.0, structured JSON; MQTT 5.0 and 3.1.1.
package drogue
