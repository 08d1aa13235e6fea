// Package status is where a device stands: the one shape of it.
//
// It stands between the engine, which derives a [Status] from what it knows of
// a device, and everybody who is told: people, the metrics, and the upstreams.
//
//	update ─► Status ─┬─► admin API, metrics
//	                  └─► Change ─► Reporter (the forwarder) ─► one mapping per upstream
//
// Invariants:
//   - A Status is a value. Nobody changes one that was handed on.
//   - Each consumer maps every one of [States]; a test of the consumer walks them.
//
// Sizes and offsets are bytes, progress is a fraction of 1, times are UTC.
package status
