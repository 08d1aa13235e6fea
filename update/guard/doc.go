// Package guard is the one place that says whether a device may start to update,
// and whether it may swap.
//
// The engine collects the [Facts] of a row and of a request, and asks [Guards.May]
// before the first Write or block, and before the Swap or, for a device that
// swaps by itself, the first block. Both paths ask the same guards in the same
// order:
//
//	            Delivery   rolled back, other firmware, a report from before the swap
//	            Fresh      the target is about to move
//	Facts ────► Version    longer than the device can store          ────► Verdict
//	            Airtime    the network is busy with other updates
//	            Frame      the Swap does not fit the link
//	            Source     the source of the image: maintenance windows, cancels
//
// Invariants:
//   - The same facts have the same verdict, on every path. Source alone decides from
//     more: it asks the source of the image.
//   - Guards are on the device path: memory only, no waiting, no allocation.
//   - The first guard that does not say Go decides. Source is the last one: what it
//     allows counts as swapped there.
//
// A new matter (a rollout, a maintenance window, a signature) is a function of
// type [Guard] and a line in [New].
//
// Sizes are bytes.
package guard
