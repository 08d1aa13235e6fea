// Package cache measures the image cache: a hit in memory, a load from disk, a
// load from the source, and that a thousand devices that ask at once cause one
// fetch.
//
// It is what "gateway bench cache" runs, against a cache.Cache of its own: a hit
// takes nanoseconds, which no request through a gateway would show.
//
// Invariants:
//   - The source answers no sooner than the last device has asked.
//   - More than one fetch, or none, is an error and no figure.
//
// Hits are nanoseconds, loads microseconds, images bytes.
package cache
