// Package update is the engine: it decides what each device is answered.
//
// It sits between the device fronts (coap, lorawan, front) and the firmware
// (cache, sources). A front calls [Engine.Lookup] and then [Engine.Request] or
// [Engine.Image]; both answer from memory. What is missing is fetched behind,
// by the jobs that [Engine.Run] owns. Below it are four packages:
//
//	desired   which spec a device should run
//	release   what a spec resolves to: the target, the ledger, the jobs
//	row       what is known of a device, on disk too
//	guard     whether it may start, whether it may swap
//
// A CBOR device is answered by [Decide], a pure function, if the guards let it
// take its next step:
//
//	                     nothing desired, or not held yet
//	                   ┌──────────────────────────────────► Wait(poll | retry)
//	                   │ runs the wanted version
//	                   ├──────────────────────────────────► Sync(poll)
//	Status ── want? ───┤ offset < size
//	                   ├──────────────────────────────────► Write(offset, data)
//	                   │ offset = size
//	                   ├──────────────────────────────────► Swap(checksum)
//	                   │ offset > size, or not ours
//	                   └──────────────────────────────────► Wait(poll), a reason on the row
//
// What the engine adds is the choice of want. A row's state follows:
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
//   - The answer depends on (Status, image, limits) alone, and a Swap on the source
//     too, so duplicates and retransmissions are harmless.
//   - An update in flight is finished, not switched: a device in the middle of
//     X is brought to Swap with X, then offered Y. Devices that are offered Y
//     in the middle of X corrupt their flash.
//   - A version names one digest per application, on disk in the ledger before it
//     is first offered.
//   - The same image is not delivered twice in a row to one device without an
//     operator's retry, or a new order of the source that assigned it.
//   - Where the source is a [firmware.Gate], it is asked before each Swap, and
//     before the first block of a device that swaps by itself. A device that is
//     held has the whole image, counts as updating, and is asked back at the pace
//     of the idle.
//   - What a source takes back is offered to nobody any more. A device in the middle
//     of it goes on, to the gate. What a source only lost stays served.
//
// # Locks
//
// Whoever holds a lock of this list takes only locks below it. A lock stands in its
// struct above what it guards:
//
//	1  desired.Directory.assigning   one assignment at a time, with its write to the store
//	2  row.Table.flushing            one step of the flusher at a time, with its write to
//	                                 the store and the call of the Reporter
//	3  release ledger.recording      one writer of the ledger at a time, with its write to
//	                                 the store; only jobs take it
//	4  row.Row.mu                    one device: one request of it at a time
//	5  release.Catalog.mu            the releases; new ones look at 6
//	6  leaves, held over nothing     a part of row's index, agenda, intern.Names; release's
//	                                 ledger maps, pending jobs, load errors, known images
//
// The device path takes 4 and 6, and 5 at first contact and for a blob that is not in
// memory. No lock is held over a call of Source.Resolve, Source.Fetch, Images.Load or
// Directory.Desired. Over writes to the store and calls of the Reporter only 1 to 3
// are held, of which the device path takes none. [firmware.Gate] and Images.Get are called with a Row held, and
// Images.Retain with 2 or 5: they answer from memory and call nobody back.
//
// Offsets and sizes are bytes.
package update
