package upstream

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"havn/dfu"
	"havn/status"
)

// Kind is what an event is worth when room is short: the lower, the sooner it
// is given up. The numbers are stored.
type Kind uint8

// The kinds of events.
const (
	Progress   Kind = 1 // of an update; worthless as soon as a newer status is there
	Telemetry  Kind = 2 // what a device sent on a channel of its own
	Transition Kind = 3 // a device's state or versions changed
)

// Kinds lists them all, for tables indexed by Kind.
var Kinds = [...]string{Progress: "progress", Telemetry: "telemetry", Transition: "transition"}

// String returns the name used in metrics and logs.
func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return Kinds[k]
}

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k >= Progress && k <= Transition }

// Event is something to tell an upstream about a device. Kind says which of the
// fields are used.
type Event struct {
	Kind   Kind
	Device dfu.Device
	Time   time.Time

	Status status.Status // of Progress and Transition

	Channel     string // of Telemetry, as are the next two
	ContentType string // empty: not given
	Payload     []byte
}

// statusEvent returns the event that tells of a change.
func statusEvent(c *status.Change) Event {
	e := Event{Kind: Progress, Device: c.Device, Time: stamp(c.Time), Status: c.Status}
	if c.Transition {
		e.Kind = Transition
	}
	return e
}

// stamp rounds a time to what is sent.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// IsStatus reports whether e tells where a device stands.
func (e *Event) IsStatus() bool { return e.Kind == Progress || e.Kind == Transition }

// Body returns what to send: the status as JSON, or the telemetry as the device
// sent it. It fails only for a status that no gateway made.
func (e *Event) Body() (contentType string, body []byte, err error) {
	if !e.IsStatus() {
		return e.ContentType, e.Payload, nil
	}
	body, err = json.Marshal(bodyOf(e))
	if err != nil {
		return "", nil, fmt.Errorf("status of %s: %w", e.Device, err)
	}
	return "application/json", body, nil
}

// StatusBody is the JSON of a status event.
type StatusBody struct {
	Current  string       `json:"current"` // versions that are not UTF-8 as 0x...
	Target   string       `json:"target"`
	State    status.State `json:"state"`
	Offset   uint32       `json:"offset"` // bytes of Target that the device has
	Size     uint32       `json:"size"`   // bytes
	Progress float64      `json:"progress"`
	Protocol string       `json:"protocol"`
	Error    string       `json:"error"` // why it waits or failed; what to do about it
	Time     time.Time    `json:"time"`
}

func bodyOf(e *Event) StatusBody {
	s := &e.Status
	return StatusBody{
		Current: s.Current, Target: s.Target, State: s.State, Offset: s.Offset, Size: s.Size,
		Progress: math.Round(s.Progress*1e4) / 1e4, Protocol: s.Protocol, Error: s.Error, Time: e.Time,
	}
}
