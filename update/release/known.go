package release

import (
	"sync"

	"havn/firmware"
)

// known are the images that devices were found in the middle of, each once for all
// of them. There are no more than entries in the ledger, times the orders of their
// source.
type known struct {
	mu      sync.Mutex
	targets map[knownKey]*firmware.Target
}

type knownKey struct {
	digest         firmware.Digest
	order, version string
	names          int // are only ever added
}

// Known returns m as a target, the same one for all who ask.
func (c *Catalog) Known(m firmware.Metadata) *firmware.Target {
	k := knownKey{m.Digest, m.Order, m.Version, len(m.Names)}
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	t := c.known.targets[k]
	if t == nil {
		t = firmware.NewTarget(m)
		c.known.targets[k] = t
	}
	return t
}
