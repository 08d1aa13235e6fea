package status

import (
	"slices"
	"time"

	"havn/dfu"
	"havn/firmware"
)

// State is what a device is up to.
type State string

// The states, as the API, the metrics and the upstreams name them.
const (
	Unknown  State = "unknown"  // nothing is desired, or the device was not heard yet
	Waiting  State = "waiting"  // it should update but cannot yet; Error says why
	Updating State = "updating" // chunks are on their way
	InSync   State = "in-sync"  // it runs its target
	Failed   State = "failed"   // it came back without the target; an operator must retry
)

// States lists all of them.
var States = [...]State{InSync, Updating, Waiting, Failed, Unknown}

// Valid reports whether s is one of the states.
func (s State) Valid() bool { return slices.Contains(States[:], s) }

// Status is where a device stands.
type Status struct {
	dfu.Device
	Protocol string
	State    State
	Current  string // versions that are not UTF-8 as 0x...
	Target   string
	Offset   uint32 // bytes of the image that the device has
	Size     uint32
	Progress float64 // 0..1
	Error    string  // why it waits or failed; what to do about it
	LastSeen time.Time
	ETA      *time.Duration // until it has the image, in whole seconds; nil: not known

	// Digest and Order are of the image that State is about: the one in flight,
	// else the target; zero where there is none. They are for sources that a
	// version is not enough for, not for people.
	Digest firmware.Digest
	Order  string
}

// SetProgress derives Progress from Offset and Size. A device in sync has all of
// its image.
func (s *Status) SetProgress() {
	switch {
	case s.State == InSync:
		s.Offset, s.Progress = s.Size, 1
	case s.Size > 0:
		s.Progress = min(float64(s.Offset)/float64(s.Size), 1)
	}
}

// Change is what became of a device since the last Change of it that the
// Reporter took.
type Change struct {
	Status
	Transition bool      // false: progress or explanation only, worthless when a newer one is there
	Time       time.Time // when it was noticed
}

// Reporter is told what becomes of devices.
type Reporter interface {
	// Report takes some changes, at most one per device: all of them, durably,
	// when it returns nil. After an error each device is reported again, as it is
	// by then.
	Report(changes []Change) error
}
