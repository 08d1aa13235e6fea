package cache

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"havn/firmware"
)

// Results of a fetch.
const (
	ResultOK        = "ok"
	ResultFailed    = "failed"    // the source is away or refused
	ResultDigest    = "digest"    // the source sent other bytes than it promised
	ResultCancelled = "cancelled" // the caller gave up
)

func resultOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return ResultOK
	case ctx.Err() != nil:
		return ResultCancelled
	case errors.Is(err, firmware.ErrDigest):
		return ResultDigest
	}
	return ResultFailed
}

// Fetch labels a count of fetches.
type Fetch struct {
	Source string // Origin.Kind of the image
	Result string // one of the Result constants
}

// Tiers is a figure for each tier.
type Tiers struct {
	Memory uint64
	Disk   uint64
}

// Stats are counts since New, and the bytes held now.
type Stats struct {
	// Hits are Gets answered from memory, and Loads answered from disk.
	Hits Tiers
	// Misses are Gets of images that were not in memory.
	Misses uint64
	// Bytes are images in memory, and files and downloads on disk.
	Bytes Tiers
	// Fetches are downloads that ended.
	Fetches map[Fetch]uint64
	// Corrupt are files that were found damaged, missing or unreadable.
	Corrupt uint64
	// Refused are writes that the disk refused.
	Refused uint64
}

// counts are guarded by Cache.mu.
type counts struct {
	corrupt, refused uint64
	fetches          map[Fetch]uint64
}

// Stats returns a snapshot.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.memory.pinned
	for _, img := range c.memory.warm.images() {
		held += int64(img.Size())
	}
	return Stats{
		Hits:    Tiers{Memory: c.hits.Load(), Disk: c.diskHits.Load()},
		Misses:  c.misses.Load(),
		Bytes:   Tiers{Memory: uint64(held), Disk: uint64(c.disk.Bytes())},
		Fetches: maps.Clone(c.counts.fetches),
		Corrupt: c.counts.corrupt,
		Refused: c.counts.refused,
	}
}

// Held is an image the cache holds.
type Held struct {
	Digest firmware.Digest
	Size   int64 // bytes
	Memory bool  // in memory: served at once
	Disk   bool  // on disk: served without its source
	Pinned bool  // in memory and in use
	// Used is when the image was last served or loaded, whichever was later.
	Used time.Time
}

// Images lists the images that are held, sorted by digest.
func (c *Cache) Images() []Held {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteUse()
	all := map[firmware.Digest]Held{}
	for _, img := range c.memory.warm.images() {
		all[img.Digest] = Held{Size: int64(img.Size()), Memory: true, Used: img.Served()}
	}
	for _, pin := range c.memory.load() {
		all[pin.digest] = Held{
			Size: int64(pin.img.Size()), Memory: true, Pinned: true, Used: pin.used(),
		}
	}
	for _, e := range c.disk.Entries() {
		held := all[e.Digest]
		held.Size, held.Disk, held.Used = e.Size, true, e.Used
		all[e.Digest] = held
	}
	return sorted(all)
}

func sorted(all map[firmware.Digest]Held) []Held {
	list := make([]Held, 0, len(all))
	for d, held := range all {
		held.Digest = d
		list = append(list, held)
	}
	slices.SortFunc(list, func(a, b Held) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return list
}
