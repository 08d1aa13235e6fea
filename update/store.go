package update

import (
	"context"
	"time"

	"havn/dfu"
	"havn/firmware"
)

// Images is the cache, as the engine uses it.
type Images interface {
	// Get returns a held image, nil on a miss. It is on the device path: memory
	// only, no waiting, no allocation.
	Get(d firmware.Digest) *firmware.Image
	// Find returns a held image by the first bytes of its digest, nil on a miss.
	Find(prefix []byte) *firmware.Image
	// Load brings an image into memory: from disk, else from its source.
	Load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error)
	// Retain keeps an image on disk until then, at least.
	Retain(d firmware.Digest, until time.Time)
}

// Ledger keeps which image each version of an application names, with what it
// takes to fetch it again, and what each spec resolved to last, so that a box
// that boots without a network knows what to serve. What was saved is on disk
// when the call returns.
type Ledger interface {
	LoadVersions(each func(application string, m firmware.Metadata)) error
	SaveVersion(application string, m firmware.Metadata) error
	LoadResolutions(each func(spec string, m firmware.Metadata)) error
	// SaveResolution stores m for spec; one without a digest removes it.
	SaveResolution(spec string, m firmware.Metadata) error
}

// Rows keeps device rows over restarts.
type Rows interface {
	LoadRows(each func(Record)) error
	// SaveRows writes some rows and removes others, in one transaction.
	SaveRows(save []Record, drop []dfu.Device) error
}

// Assignments keeps what operators assigned locally. Name may be "*".
type Assignments interface {
	LoadAssignments() (map[dfu.Device]firmware.Spec, error)
	// SaveAssignment stores s for d; nil removes it.
	SaveAssignment(d dfu.Device, s *firmware.Spec) error
}

// Store is all durable state of the engine.
type Store interface {
	Ledger
	Rows
	Assignments
}

// Record is a row as it is stored: what cannot be derived from the device's
// next report. Its keys are never given another meaning.
type Record struct {
	Device   dfu.Device         `cbor:"1,keyasint"`
	Protocol string             `cbor:"2,keyasint,omitempty"` // name of the front it was last heard on
	Current  string             `cbor:"3,keyasint,omitempty"`
	Offset   uint32             `cbor:"4,keyasint,omitempty"`
	InFlight *firmware.Metadata `cbor:"5,keyasint,omitempty"`
	Sent     Delivery           `cbor:"6,keyasint,omitzero"`
	Reason   string             `cbor:"7,keyasint,omitempty"` // name of a Reason
	Seen     int64              `cbor:"8,keyasint,omitempty"` // Unix nanoseconds
	Reported Reported           `cbor:"9,keyasint,omitzero"`
	Owed     bool               `cbor:"10,keyasint,omitempty"` // a newer report than Reported was begun
}

// Delivery is the last image a device got to its end.
type Delivery struct {
	Digest firmware.Digest `cbor:"1,keyasint,omitzero"`  // zero: none since the last retry
	From   string          `cbor:"2,keyasint,omitempty"` // what the device ran before
	At     int64           `cbor:"3,keyasint,omitempty"` // Unix nanoseconds of the last Swap or final block
	Booted bool            `cbor:"4,keyasint,omitempty"` // the device was seen running it
	Order  string          `cbor:"5,keyasint,omitempty"` // of the image, when it was delivered or found running
}

// of reports whether d was of t, and under the same order: a new one is a retry.
func (d *Delivery) of(t *firmware.Target) bool { return d.Digest == t.Digest && d.Order == t.Order }
