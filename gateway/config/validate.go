package config

import (
	"cmp"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"time"

	"havn/coap"
	"havn/firmware"
	"havn/update"
	"havn/update/desired"
	"havn/upstream/oci"
)

// Bounds of numbers.
const (
	maxReaders = 64          // more sockets than cores only cost memory
	minBlock   = 16          // SZX 0 (RFC 7959 section 2.2)
	maxBlock   = 1024        // SZX 6, and the most data in one Write over CoAP
	maxAlign   = 256         // pages of external flash; words are smaller
	maxVersion = 64          // bytes that the gateway keeps of any version
	maxDevices = 10_000_000  // a row takes a few hundred bytes of memory
	minPoll    = time.Second // a Wait counts whole seconds
	maxPoll    = 365 * day   // longer is a mistake
)

// validate returns all that is wrong with c, without places.
func validate(c Config) []fault {
	var v validator
	v.files("", reflect.ValueOf(c))
	v.general(c)
	v.chunks(c.Chunks.CoAP)
	v.lorawan(c)
	v.http(c)
	v.rest("upstream.drogue", below("upstream.drogue", c.Upstream.Drogue.Validate()))
	v.rest("upstream.spool", c.Upstream.Spool.Validate())
	v.rest("upstream.forward", below("upstream.forward", c.Upstream.Forward.Validate()))
	v.firmware(c.Firmware)
	v.update(c.Update)
	return v.faults
}

func (v *validator) general(c Config) {
	v.choice("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.choice("log.format", c.Log.Format, "text", "json")
	v.present("data", c.Data)
	v.listen("admin.listen", c.Admin.Listen)
	v.both("admin.certificate", c.Admin.Certificate, "admin.key", c.Admin.Key)
	v.listen("coap.listen", c.CoAP.Listen)
	v.number("coap.readers", c.CoAP.Readers, 0, maxReaders)
	v.present("coap.application", c.CoAP.Application)
	v.rest("coap", c.CoAP.Validate())
	v.size("cache.memory", c.Cache.Memory)
	v.size("cache.disk", c.Cache.Disk)
	v.positive("cache.lease", c.Cache.Lease)
	v.number("devices.max", c.Devices.Max, 1, maxDevices)
}

func (v *validator) http(c Config) {
	v.listen("http.listen", c.HTTP.Listen)
	v.both("http.certificate", c.HTTP.Certificate, "http.key", c.HTTP.Key)
	v.rest("http", c.HTTP.Validate())
	v.rest("chunks.http", below("chunks.http", c.Chunks.HTTP.Validate()))
}

func (v *validator) lorawan(c Config) {
	v.rest("chunks.lorawan", below("chunks.lorawan", c.Chunks.LoRaWAN.Validate()))
	v.rest("lorawan.shard", c.LoRaWAN.Shard.Validate())
	seen := map[string]bool{}
	for i, n := range c.LoRaWAN.Networks {
		key := fmt.Sprintf("lorawan.networks[%d]", i)
		v.rest(key, below(key, n.Validate()))
		if seen[n.Name] {
			v.fail(key+".name", "%q is the name of another network", n.Name)
		}
		seen[n.Name] = true
	}
}

// below puts the path of a section before an error that begins with its key.
func below(section string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s.%w", section, err)
}

func (v *validator) chunks(c coap.Chunks) {
	const section = "chunks.coap"
	v.sizes(section, coap.Profile{BlockSize: c.BlockSize, WriteSize: c.WriteSize, Align: c.Align})
	for i, p := range c.Profiles {
		key := fmt.Sprintf("%s.profiles[%d]", section, i)
		v.pattern(key+".application", p.Application)
		v.pattern(key+".device", p.Device)
		v.sizes(key, inherit(p, c))
	}
	v.rest(section, c.Validate())
}

// inherit gives a profile the numbers that it leaves out.
func inherit(p coap.Profile, c coap.Chunks) coap.Profile {
	p.BlockSize = cmp.Or(p.BlockSize, c.BlockSize)
	p.WriteSize = cmp.Or(p.WriteSize, c.WriteSize)
	p.Align = cmp.Or(p.Align, c.Align)
	return p
}

// sizes checks the numbers of the section, or of one of its profiles.
func (v *validator) sizes(key string, p coap.Profile) {
	if !powerOfTwo(p.BlockSize, minBlock, maxBlock) {
		v.fail(key+".block_size", "%d is not a block size: want 16, 32, 64, 128, 256, 512 or 1024",
			p.BlockSize)
	}
	v.number(key+".write_size", p.WriteSize, 1, maxBlock)
	switch {
	case !powerOfTwo(p.Align, 1, maxAlign):
		v.fail(key+".align", "%d is not a flash word: want 1, 2, 4, 8, 16, 32, 64, 128 or 256 bytes",
			p.Align)
	case p.WriteSize > 0 && p.WriteSize < p.Align:
		v.fail(key+".write_size",
			"%d is less than align, which is %d: a chunk is at least one flash word",
			p.WriteSize, p.Align)
	}
}

func powerOfTwo(n, low, high int) bool {
	return n >= low && n <= high && bits.OnesCount(uint(n)) == 1
}

func (v *validator) firmware(c Firmware) {
	v.registries(c.Registries)
	v.host("firmware.prefix", c.Prefix)
	for i, pattern := range c.Allow {
		v.pattern(fmt.Sprintf("firmware.allow[%d]", i), pattern)
	}
	_, err := oci.New(c.Config)
	v.rest("firmware", err)
	v.positive("firmware.refresh", c.Refresh)
	v.rest("firmware.hawkbit", below("firmware.hawkbit", c.Hawkbit.Validate()))
	for i, rule := range c.Desired {
		v.rule(fmt.Sprintf("firmware.desired[%d]", i), rule, c)
	}
}

func (v *validator) registries(registries []oci.Registry) {
	seen := map[string]int{}
	for i, r := range registries {
		key := fmt.Sprintf("firmware.registries[%d]", i)
		v.present(key+".host", r.Host)
		v.host(key+".host", r.Host)
		v.both(key+".username", r.Username, key+".password_file", r.PasswordFile)
		if r.PlainHTTP && r.CA != "" {
			v.fail(key+".ca", "not used with plain_http: leave out one of them")
		}
		if first, twice := seen[r.Host]; twice && r.Host != "" {
			v.fail(key+".host", "%s is listed already, as firmware.registries[%d]", r.Host, first)
			continue
		}
		seen[r.Host] = i
	}
}

// host refuses URLs where the name of a registry is wanted.
func (v *validator) host(key, name string) {
	if strings.Contains(name, "://") {
		v.fail(key, "%q: want HOST or HOST:PORT without a scheme; plain_http turns TLS off", name)
	}
}

func (v *validator) rule(key string, r desired.Rule, c Firmware) {
	v.pattern(key+".application", r.Application)
	v.pattern(key+".device", r.Device)
	if err := r.Spec.Validate(); err != nil {
		v.fail(key, "%s", strings.TrimPrefix(err.Error(), firmware.ErrInvalid.Error()+": "))
		return
	}
	switch {
	case r.File != nil && c.File.Directory == "":
		v.fail(key+".file", "firmware.file.directory is empty: set it to the directory of %s.bin",
			r.File.Name)
	case r.Hawkbit != nil && c.Hawkbit.URL == "":
		v.fail(key+".hawkbit", "firmware.hawkbit.url is empty: set it to the server of controller %s",
			r.Hawkbit.Controller)
	}
}

func (v *validator) update(c update.Config) {
	v.seconds("update.poll", c.Poll)
	v.seconds("update.retry", c.Retry)
	v.number("update.max_version", c.MaxVersion, 1, maxVersion)
	v.choice("update.unknown_in_flight", c.UnknownInFlight,
		update.InFlightWait, update.InFlightRestart)
	v.positive("update.abandon", c.Abandon)
}
