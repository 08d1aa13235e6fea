package config

import (
	"strings"

	"havn/fault"
	"havn/firmware"
	"havn/update/desired"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

// Rule is one entry of firmware.desired: patterns of devices, and the section of
// exactly one source.
type Rule struct {
	Application string       `yaml:"application"` // empty = any
	Device      string       `yaml:"device"`      // empty = any
	Container   *oci.Ref     `yaml:"container"`
	File        *file.Ref    `yaml:"file"`
	Hawkbit     *hawkbit.Ref `yaml:"hawkbit"`
}

// specs are the sources that r names.
func (r Rule) specs() (all []firmware.Spec) {
	if r.Container != nil {
		all = append(all, r.Container.Spec())
	}
	if r.File != nil {
		all = append(all, r.File.Spec())
	}
	if r.Hawkbit != nil {
		all = append(all, r.Hawkbit.Spec())
	}
	return all
}

// Spec returns what devices should run, the zero Spec where r does not name
// exactly one source.
func (r Rule) Spec() firmware.Spec {
	if all := r.specs(); len(all) == 1 {
		return all[0]
	}
	return firmware.Spec{}
}

// Validate returns what is wrong with r.
func (r Rule) Validate() (faults fault.List) {
	faults.Pattern("application", r.Application)
	faults.Pattern("device", r.Device)
	if spec := r.Spec(); spec.Ref == nil {
		faults.Add("", "name exactly one of container, file and hawkbit")
	} else if err := spec.Validate(); err != nil {
		faults.Add("", "%s", strings.TrimPrefix(err.Error(), firmware.ErrInvalid.Error()+": "))
	}
	return faults
}

// Rules returns the entries of firmware.desired as the engine has them.
func (f Firmware) Rules() []desired.Rule {
	var all []desired.Rule
	for _, r := range f.Desired {
		all = append(all, desired.Rule{Application: r.Application, Device: r.Device, Spec: r.Spec()})
	}
	return all
}
