// Package upstream tells the cloud what devices do, and loses nothing while it
// is away.
//
// It sits behind the engine, never on the device path:
//
//	update flusher ─ Report ──┐                    ┌─ line ─► Publisher (one upstream)
//	                          ├─► Spool (durable) ─┤
//	device fronts ─ Telemetry ┘   queue per line   └─ line ─► Publisher (another)
//	                (memory first)
//
// A line is the queue of one [Publisher] with the sender that works it. Each
// event is stored once per line whose publisher accepts it, so that an upstream
// that is away holds up nobody but itself. A line sends what is oldest first,
// different devices side by side, and forgets an event when its publisher has
// taken it:
//
//	           Publish = nil
//	oldest ──┬───────────────► forgotten
//	         │ ErrRejected
//	         ├───────────────► tried again a few times, then set aside with the reason;
//	         │                 meanwhile only this device waits. The spool remembers
//	         │                 that the upstream is owed where the device stands
//	         │ any other error
//	         └───────────────► the upstream is away: one event at a time is tried,
//	                           with backoff, each time of another device
//
// Invariants:
//   - What Report returned nil for is sent at least once, whatever happens,
//     unless the spool had to give it up for want of room.
//   - On each line the events of one device are sent in order, one at a time.
//   - Of a device's status events on a line only the last may be mere progress:
//     a newer one, of whatever kind, supersedes it. Transitions are all sent.
//   - Telemetry is copied into a bounded memory and stored shortly after; the
//     oldest goes first when that is full. What a crash may lose of it is what
//     was not stored yet.
//   - Telemetry and Report never wait for an upstream.
//   - Before the time that an upstream asked for (Retry-After), nothing is sent to
//     it, whoever wants it.
//
// Sizes are bytes. Times are UTC and rounded to milliseconds.
//
// Specifications: the bodies of status events are JSON (RFC 8259) with times as
// in RFC 3339; RFC 9110 section 10.2.3 (Retry-After).
package upstream
