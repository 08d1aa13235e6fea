package config

import (
	"reflect"

	"havn/fault"
)

// section is a part of the configuration that its owner checks, with all that is
// below it.
type section interface{ Validate() fault.List }

// validate adds the faults of the sections in v, which stands at key.
func validate(faults *fault.List, key string, v reflect.Value) {
	if isValue(v.Type()) {
		return
	}
	if s, ok := v.Interface().(section); ok {
		faults.Below(key, s.Validate())
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			validate(faults, fault.At(key, i), v.Index(i))
		}
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			validate(faults, fault.Join(key, f.key), v.FieldByIndex(f.index))
		}
	}
}

// Validate returns all that is wrong with c.
func (c Config) Validate() (faults fault.List) {
	c.files(&faults)
	faults.Present("data", c.Data)
	type sections Config // without this method
	validate(&faults, "", reflect.ValueOf(sections(c)))
	return faults
}

// Validate returns what is wrong with l.
func (l Log) Validate() (faults fault.List) {
	faults.Choice("level", l.Level, "debug", "info", "warn", "error")
	faults.Choice("format", l.Format, "text", "json")
	return faults
}

// Validate returns what is wrong with l.
func (l LoRaWAN) Validate() (faults fault.List) {
	faults.Below("shard", l.Shard.Validate())
	seen := map[string]bool{}
	for i, n := range l.Networks {
		key := fault.At("networks", i)
		faults.Below(key, n.Validate())
		if n.Name != "" && seen[n.Name] {
			faults.Add(key+".name", "%q is the name of another network", n.Name)
		}
		seen[n.Name] = true
	}
	return faults
}

// Validate returns what is wrong with f.
func (f Firmware) Validate() (faults fault.List) {
	faults.Below("", f.Config.Validate())
	faults.Positive("refresh", f.Refresh)
	faults.Below("hawkbit", f.Hawkbit.Validate())
	for i, r := range f.Desired {
		key := fault.At("desired", i)
		faults.Below(key, r.Validate())
		faults.Below(key, f.available(r))
	}
	return faults
}

// available returns why there is no source for what r desires.
func (f Firmware) available(r Rule) (faults fault.List) {
	switch {
	case r.Spec().Validate() != nil:
	case r.File != nil && f.File.Directory == "":
		faults.Add("file", "firmware.file.directory is empty: set it to the directory of %s.bin", r.File.Name)
	case r.Hawkbit != nil && f.Hawkbit.URL == "":
		faults.Add("hawkbit", "firmware.hawkbit.url is empty: set it to the server of controller %s",
			r.Hawkbit.Controller)
	}
	return faults
}

// maxDevices bounds the table of devices: a row takes a few hundred bytes of
// memory.
const maxDevices = 10_000_000

// Validate returns what is wrong with d.
func (d Devices) Validate() (faults fault.List) {
	faults.Number("max", d.Max, 1, maxDevices)
	return faults
}
