package desired

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"havn/dfu"
	"havn/firmware"
)

// Assignments keeps what operators assigned locally. Name may be "*".
type Assignments interface {
	LoadAssignments() (map[dfu.Device]firmware.Spec, error)
	// SaveAssignment stores s for d; nil removes it.
	SaveAssignment(d dfu.Device, s *firmware.Spec) error
}

// Directory is the directory of the gateway. It answers, in this order: a local
// assignment or rule for the very device, the registry (its device before its
// application), an assignment to all devices of the application, and the first
// rule that matches. Its methods may be called concurrently.
type Directory struct {
	registry firmware.Directory // nil: none configured
	rules    atomic.Pointer[[]Rule]

	assigning sync.Mutex // one change at a time, with its write to the store
	store     Assignments
	assigned  atomic.Pointer[map[dfu.Device]firmware.Spec] // replaced, never changed; read without the lock
}

// New returns a directory over rules and, where it is not nil, a registry. It
// has no assignments before Restore.
func New(rules []Rule, registry firmware.Directory) *Directory {
	d := &Directory{registry: registry}
	d.SetRules(rules)
	d.assigned.Store(&map[dfu.Device]firmware.Spec{})
	return d
}

// Restore loads the assignments of a store, which is told of changes from then on.
func (d *Directory) Restore(store Assignments) error {
	d.assigning.Lock()
	defer d.assigning.Unlock()
	assigned, err := store.LoadAssignments()
	if err != nil {
		return err
	}
	d.store = store
	d.assigned.Store(&assigned)
	return nil
}

// SetRules replaces the rules; devices follow at the engine's next Refresh.
func (d *Directory) SetRules(rules []Rule) {
	rules = slices.Clone(rules)
	d.rules.Store(&rules)
}

// Rules returns the rules in force.
func (d *Directory) Rules() []Rule { return *d.rules.Load() }

// Desired implements firmware.Directory.
func (d *Directory) Desired(dev dfu.Device) (firmware.Spec, error) {
	s, err := d.find(dev)
	return s.For(dev), err
}

func (d *Directory) find(dev dfu.Device) (firmware.Spec, error) {
	if s, ok := d.exact(dev); ok {
		return s, nil
	}
	if d.registry != nil {
		if s, err := d.registry.Desired(dev); !errors.Is(err, firmware.ErrNotFound) {
			return s, err
		}
	}
	if s, ok := (*d.assigned.Load())[dfu.Device{Application: dev.Application, Name: "*"}]; ok {
		return s, nil
	}
	for _, r := range d.Rules() {
		if r.matches(dev) {
			return r.Spec, nil
		}
	}
	return firmware.Spec{}, firmware.ErrNotFound
}

func (d *Directory) exact(dev dfu.Device) (firmware.Spec, bool) {
	if s, ok := (*d.assigned.Load())[dev]; ok {
		return s, true
	}
	for _, r := range d.Rules() {
		if r.exact() && r.Application == dev.Application && r.Device == dev.Name {
			return r.Spec, true
		}
	}
	return firmware.Spec{}, false
}

// Assign replaces one assignment; nil removes it. It is stored before it counts.
func (d *Directory) Assign(dev dfu.Device, s *firmware.Spec) error {
	d.assigning.Lock()
	defer d.assigning.Unlock()
	if err := d.store.SaveAssignment(dev, s); err != nil {
		return fmt.Errorf("assignment of %s: %w", dev, err)
	}
	next := maps.Clone(*d.assigned.Load())
	if delete(next, dev); s != nil {
		next[dev] = *s
	}
	d.assigned.Store(&next)
	return nil
}

// Assigned reports whether dev, or "*" of an application, has an assignment.
func (d *Directory) Assigned(dev dfu.Device) bool {
	_, ok := (*d.assigned.Load())[dev]
	return ok
}

// Known lists what is desired somewhere whether or not a device has asked yet,
// with the application where the rule names exactly one. A spec that is another
// one for each device is not known before its device is.
func (d *Directory) Known() []Rule {
	all := slices.Clone(d.Rules())
	for dev, s := range *d.assigned.Load() {
		all = append(all, Rule{Application: dev.Application, Device: dev.Name, Spec: s})
	}
	return slices.DeleteFunc(all, func(r Rule) bool { return r.PerDevice() })
}

var _ firmware.Directory = (*Directory)(nil)
