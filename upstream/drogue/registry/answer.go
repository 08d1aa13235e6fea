package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"havn/firmware"
	"havn/upstream/drogue/registry/rest"
)

// answer is what the registry last said about one application or device.
// The JSON is its durable form.
type answer struct {
	Missing  bool            `json:"missing,omitempty"`  // there is none of this name
	Firmware json.RawMessage `json:"firmware,omitempty"` // as it came; nil = no such section

	spec firmware.Spec
	err  error // why spec is empty; nil when Firmware is nil
}

// parsed returns a with its section parsed.
func (a answer) parsed(kinds firmware.Kinds) answer {
	if a.Firmware != nil {
		a.spec, a.err = parseSpec(kinds, a.Firmware)
	}
	return a
}

// answerOf returns what a resource desires. One that is being deleted is gone.
func (r *Registry) answerOf(res *rest.Resource) answer {
	if res.Metadata.DeletionTimestamp != nil {
		return answer{Missing: true}
	}
	raw, _ := res.Spec(section)
	return answer{Firmware: raw}.parsed(r.kinds)
}

func (a answer) same(b answer) bool {
	return a.Missing == b.Missing && bytes.Equal(a.Firmware, b.Firmware)
}

// device is one device of an application. Registry.mu guards it.
type device struct {
	answer
	asked atomic.Int64 // Unix seconds of the last Desired; 0 = none

	ownWrites int       // registry events to come that we cause ourselves
	ownUntil  time.Time // when to stop waiting for them
}

// application is one application. Registry.mu guards it.
type application struct {
	name      string
	own       answer             // its own section, for devices without one
	devices   map[string]*device // answered
	questions map[string]bool    // to be asked as soon as possible
	refused   error              // why it may not be read; what is known stays served
	asked     atomic.Int64       // Unix seconds of the last Desired

	atLeast int       // devices it was seen to have, at least
	due     time.Time // when it is read again
	rounds  int       // how often it was
	live    bool      // the integration tells of changes of its devices
	dirty   bool      // differs from what is stored
}

func newApplication(name string) *application {
	return &application{name: name, devices: map[string]*device{}, questions: map[string]bool{}}
}

// desired returns what a device should run: its own section, whatever it
// holds, before the application's.
func (a *application) desired(name string) (firmware.Spec, error) {
	d := a.devices[name]
	switch {
	case a.own.Missing:
		return none("application " + a.name)
	case d == nil && a.refused != nil:
		return firmware.Spec{}, a.refused
	case d == nil:
		return firmware.Spec{}, firmware.ErrPending
	case d.Missing:
		return none("device " + a.name + "/" + name)
	case d.Firmware != nil:
		return d.spec, d.err
	case a.own.Firmware != nil:
		return a.own.spec, a.own.err
	}
	return firmware.Spec{}, firmware.ErrNotFound
}

// none is the answer where the registry has no such thing.
func none(what string) (firmware.Spec, error) {
	return firmware.Spec{}, fmt.Errorf("%w: Drogue Cloud has no %s", firmware.ErrNotFound, what)
}

// heirs lists the devices that follow the application's own section.
func (a *application) heirs() (names []string) {
	for name, d := range a.devices {
		if !d.Missing && d.Firmware == nil {
			names = append(names, name)
		}
	}
	return names
}
