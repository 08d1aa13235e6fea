package dfu

import "errors"

// ErrMalformed is the cause of every parse error of this package.
var ErrMalformed = errors.New("malformed update message")

// Device names one device: devices are unique inside their application.
type Device struct {
	Application string `cbor:"1,keyasint"`
	Name        string `cbor:"2,keyasint"`
}

// String returns APPLICATION/NAME, as the command line takes it.
func (d Device) String() string { return d.Application + "/" + d.Name }

// Optional is an unsigned integer that a message may leave out.
// The zero value is absent, which differs from a present 0.
type Optional struct {
	Value uint32
	Set   bool
}

// Some returns a present v.
func Some(v uint32) Optional { return Optional{Value: v, Set: true} }

// Status is what a device reports: the question "is there new firmware for
// me?". Its slices alias the parsed buffer.
type Status struct {
	Version       []byte   // running firmware, opaque, may be empty or not UTF-8
	MTU           uint32   // most firmware bytes the device takes per Write; 0 = not given
	CorrelationID Optional // echoed in the Command
	Updating      bool     // Update is present
	Update        Progress // how far an update under way has come
}

// Progress is an update under way, as its device sees it.
type Progress struct {
	Version []byte // the firmware being written
	Offset  uint32 // next byte wanted
}

// Op is the kind of a Command; its value is the variant number on the wire.
type Op uint8

// The commands of the protocol, in wire order.
const (
	OpWait  Op = iota // nothing to do now, ask again after Poll
	OpSync            // the device runs the wanted version
	OpWrite           // write Data at Offset
	OpSwap            // all is written: verify Checksum and boot it
)

// String returns the lower-case name, as used in logs and metrics.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "unknown"
}

var opNames = [...]string{"wait", "sync", "write", "swap"}

// Command is the gateway's answer. Only the fields of its Op are encoded:
//
//	Wait  CorrelationID, Poll
//	Sync  Version, CorrelationID, Poll
//	Write Version, CorrelationID, Offset, Data
//	Swap  Version, CorrelationID, Checksum
type Command struct {
	Op            Op
	Version       []byte
	CorrelationID Optional
	Poll          uint32 // seconds; 0 = not given
	Offset        uint32
	Data          []byte
	Checksum      []byte
}
