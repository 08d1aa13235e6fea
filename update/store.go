package update

import (
	"havn/firmware"
	"havn/update/desired"
	"havn/update/release"
	"havn/update/row"
)

// Images is the cache, as the engine uses it.
type Images interface {
	// Get returns a held image, nil on a miss. It is on the device path: memory
	// only, no waiting, no allocation.
	Get(d firmware.Digest) *firmware.Image
	// Find returns a held image by the first bytes of its digest, nil on a miss.
	Find(prefix []byte) *firmware.Image
	release.Images
}

// Store is all durable state of the engine.
type Store interface {
	release.Ledger
	desired.Assignments
	row.Store
}
