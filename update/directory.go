package update

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"havn/dfu"
	"havn/fault"
	"havn/firmware"
)

// Rule is one entry of firmware.desired: the devices it is for, as path.Match
// patterns, and what they should run.
type Rule struct {
	Application string `yaml:"application"` // empty = any
	Device      string `yaml:"device"`      // empty = any

	firmware.Spec `yaml:",inline"`
}

// Validate returns what is wrong with r.
func (r Rule) Validate() (faults fault.List) {
	faults.Pattern("application", r.Application)
	faults.Pattern("device", r.Device)
	if err := r.Spec.Validate(); err != nil {
		faults.Add("", "%s", strings.TrimPrefix(err.Error(), firmware.ErrInvalid.Error()+": "))
	}
	return faults
}

// meta are the characters that make a name a pattern.
const meta = `*?[\`

// exact reports whether r is for one device only.
func (r Rule) exact() bool {
	return r.Application != "" && r.Device != "" && !strings.ContainsAny(r.Application+r.Device, meta)
}

// anyApplication reports whether r names no single application.
func (r Rule) anyApplication() bool {
	return r.Application == "" || strings.ContainsAny(r.Application, meta)
}

func (r Rule) matches(d dfu.Device) bool {
	return matches(r.Application, d.Application) && matches(r.Device, d.Name)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == "" || (ok && err == nil)
}

// Desired is the directory of the gateway. It answers, in this order: a local
// assignment or rule for the very device, the registry (its device before its
// application), an assignment to all devices of the application, and the first
// rule that matches.
type Desired struct {
	registry firmware.Directory // nil: none configured
	rules    atomic.Pointer[[]Rule]
	assigned atomic.Pointer[map[dfu.Device]firmware.Spec]
}

// NewDesired returns a directory over rules and, where it is not nil, a registry.
func NewDesired(rules []Rule, registry firmware.Directory) *Desired {
	d := &Desired{registry: registry}
	d.SetRules(rules)
	d.assigned.Store(&map[dfu.Device]firmware.Spec{})
	return d
}

// SetRules replaces the rules; devices follow at the engine's next Refresh.
func (d *Desired) SetRules(rules []Rule) {
	rules = slices.Clone(rules)
	d.rules.Store(&rules)
}

// Rules returns the rules in force.
func (d *Desired) Rules() []Rule { return *d.rules.Load() }

// Desired implements firmware.Directory.
func (d *Desired) Desired(dev dfu.Device) (firmware.Spec, error) {
	s, err := d.find(dev)
	return s.For(dev), err
}

func (d *Desired) find(dev dfu.Device) (firmware.Spec, error) {
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

func (d *Desired) exact(dev dfu.Device) (firmware.Spec, bool) {
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

// assign replaces one assignment; nil removes it. Callers serialize.
func (d *Desired) assign(dev dfu.Device, s *firmware.Spec) {
	next := maps.Clone(*d.assigned.Load())
	if delete(next, dev); s != nil {
		next[dev] = *s
	}
	d.assigned.Store(&next)
}

// known lists what is desired somewhere whether or not a device has asked yet,
// with the application where the rule names exactly one. What is another spec for
// each device is not known before.
func (d *Desired) known() []Rule {
	all := slices.Clone(d.Rules())
	for dev, s := range *d.assigned.Load() {
		all = append(all, Rule{Application: dev.Application, Device: dev.Name, Spec: s})
	}
	return slices.DeleteFunc(all, func(r Rule) bool { return r.PerDevice() })
}
