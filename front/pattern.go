package front

import (
	"net/netip"
	"path"
	"strings"
	"unsafe"

	"havn/fault"
)

// Pattern is the devices that something is for. What it leaves out matches all.
type Pattern struct {
	Subnet      netip.Prefix `yaml:"subnet"`      // of the device's address
	Application string       `yaml:"application"` // path.Match pattern
	Device      string       `yaml:"device"`      // path.Match pattern
}

// Validate returns what is wrong with p.
func (p *Pattern) Validate() (faults fault.List) {
	faults.Pattern("application", p.Application)
	faults.Pattern("device", p.Device)
	return faults
}

// Matches reports whether p is for a device. A device without an address is in no
// subnet. The names are empty where none is known. Matches does not allocate.
func (p *Pattern) Matches(peer netip.Addr, application, device []byte) bool {
	return (!p.Subnet.IsValid() || p.Subnet.Contains(peer.Unmap().WithZone(""))) &&
		matches(p.Application, application) && matches(p.Device, device)
}

// matches reports whether name matches pattern. The string shares the bytes of
// name, which path.Match only reads: a conversion would allocate per request.
func matches(pattern string, name []byte) bool {
	switch {
	case pattern == "" || pattern == "*": // there is no "/" in a name
		return true
	case !strings.ContainsRune(`*?[\`, rune(pattern[0])) && (len(name) == 0 || name[0] != pattern[0]):
		return false // as most are, and sooner
	}
	ok, _ := path.Match(pattern, unsafe.String(unsafe.SliceData(name), len(name)))
	return ok
}
