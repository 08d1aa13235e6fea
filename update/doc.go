// Package update is the engine: it decides what each device is answered, and
// keeps one row per device to know what it has decided from.
//
// It sits between the device fronts (coap, lorawan) and the firmware (cache,
// sources). A front calls [Engine.Lookup] and then [Engine.Request] or
// [Engine.Image]; both answer from memory. What is missing is fetched behind,
// by the jobs that [Engine.Run] owns.
//
// A CBOR device is answered by [Decide], a pure function:
//
//	                     nothing desired, or not held yet
//	                   ┌──────────────────────────────────► Wait(poll | retry)
//	                   │ runs the wanted version
//	                   ├──────────────────────────────────► Sync(poll)
//	Status ── want? ───┤ offset < size
//	                   ├──────────────────────────────────► Write(offset, data)
//	                   │ offset = size
//	                   ├──────────────────────────────────► Swap(checksum), if the gate is open
//	                   │ offset > size, or not ours
//	                   └──────────────────────────────────► Wait(poll), a reason on the row
//
// What the engine adds is the choice of want. A row's state is derived from
// what it knows, never stored:
//
//	            desired            first Write / block
//	unknown ─────────────► waiting ──────────────────► updating ──┐ Swap, reboot
//	                         ▲  ▲                         │        │
//	         target moved    │  └── link too small, ...   │        ▼
//	in-sync ─────────────────┘                            │   runs target? ── yes ─► in-sync
//	   ▲                                                  │        │ no
//	   └── a new name is learned ◄── an unheard-of version ──── old version ─► failed
//
// Invariants:
//   - Request, Image, Lookup and Served never block on I/O and, for a known
//     device whose image is held, allocate nothing.
//   - The answer depends on (Status, image, limits) alone, and a Swap on the gate
//     of the source, so duplicates and retransmissions are harmless.
//   - An update in flight is finished, not switched: a device in the middle of
//     X is brought to Swap with X, then offered Y. Devices that are offered Y
//     in the middle of X corrupt their flash.
//   - A version names one digest per application, on disk in the [Ledger]
//     before it is first offered.
//   - The same digest is not delivered twice in a row to one device without an
//     operator's retry, or a new order of the source that assigned it.
//   - Where the source is a [firmware.Gate], it is asked before each Swap, and
//     before the first block of a device that swaps by itself. A device that is
//     held has the whole image, counts as updating, and is asked back at the pace
//     of the idle.
//   - What a source takes back is offered to nobody any more; who is in the middle
//     of it goes on, to the gate. What a source only lost stays served.
//   - What became of a device is handed to the [status.Reporter] by the flusher, from
//     the durable row: never on the device path, at least once, and nothing is
//     lost that is older than one flush. Between two flushes, and while the
//     Reporter fails, only the newest state counts.
//   - A row is stored within a second of a change, and once a minute where only the
//     time of contact moved, or the offset of a device that reports it. The offset of
//     a block-wise transfer is stored each sixteenth of the image. Block-wise
//     transfers, whose requests do not say what they are of, are stored before the
//     target moves, and at once where they end or give way to another one.
//   - The flusher works in steps of a bounded number of rows, in the order of the store, and rests as long as
//     each took: a fleet that changes all at once takes longer to store, and is
//     answered meanwhile.
//   - A row takes less than 700 bytes of heap, all included.
//   - The device table is bounded; rows of devices that never updated go first.
//
// Locks of the rows are taken in this order: Engine.flushing, a Row, a part of the
// table or the agenda. None of them is held during I/O but the first.
//
// Offsets and sizes are bytes.
package update
