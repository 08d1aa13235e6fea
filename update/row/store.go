package row

import (
	"havn/dfu"
	"havn/firmware"
)

// Store keeps rows over restarts.
type Store interface {
	LoadRows(each func(Record)) error
	// SaveRows writes some rows and removes others, in one transaction.
	SaveRows(save []Record, drop []dfu.Device) error
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
