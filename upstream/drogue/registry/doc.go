// Package registry knows from Drogue Cloud's device registry which firmware a
// device should run, and writes there what it runs.
//
//	engine ◄── Desired ◄── Registry ◄── spec.firmware ─── rest ◄── device registry
//	forwarder ─ Publish ──────┤ ──────── status.firmware ─ rest ──►
//	                          └◄── registry events (MQTT integration, optional)
//
// None of it is on the device path: [Registry.Desired] answers from memory,
// [Registry.Publish] is called by the forwarder and returns with the registry's
// word.
//
// Invariants:
//   - What the registry last said is served until it says something else. An
//     outage, a refused token or an answer that is not Drogue Cloud's never
//     takes desired firmware away; it survives a restart through the [Store].
//   - A section that does not parse is an error on that device, and does not
//     fall back to the application's.
//   - A device is written back as it was read: only status.firmware changes,
//     under optimistic locking, and only when it says something new.
//   - While the registry asks for a pause (Retry-After), nothing is sent.
//
// A registry event says that something changed in a device, not what; our own
// status writes cause them too. Such a device is read again, except after our
// own write, which has just read it. Applications cause no events: they are
// read every refresh. The integration delivers every event of an application,
// telemetry included: on a metered link, leave it out. Its group must be this
// gateway's own, or another gateway gets part of the events.
//
// Limits: 4096 questions in the queue, 100 000 devices by default.
//
// Specifications: Drogue Cloud 0.11 (device registry v1alpha1, MQTT integration);
// Drogue Ajour's firmware sections; CloudEvents 1.0, structured JSON.
package registry
