package cache

import (
	"cmp"
	"context"
	"io"
	"math"
	"time"

	"havn/fault"
	"havn/firmware"
)

// Defaults of the zero fields of a Config.
const (
	DefaultMemory = 256 * firmware.MiB
	DefaultDisk   = 4 * firmware.GiB
	DefaultLease  = time.Hour
	DefaultRetry  = 5 * time.Second
)

// Config is the cache section of the configuration. A zero field stands for
// its default.
type Config struct {
	// Memory is the budget for images in memory, and the largest image that can
	// be served. The process needs about as much again for the garbage collector.
	Memory firmware.Size `yaml:"memory"`
	// Disk is the budget for image files and downloads under way.
	Disk firmware.Size `yaml:"disk"`
	// Lease is how long an image counts as in use after it was last served.
	Lease time.Duration `yaml:"lease"`

	// Dir is the directory of the disk tier. It is made if needed, and nobody else
	// may write to it.
	Dir string `yaml:"-"`
	// Retry is the wait after a first failed fetch. The wait doubles with each
	// failure that follows.
	Retry time.Duration `yaml:"-"`
}

// Validate returns what is wrong with c, in which no key is left out.
func (c Config) Validate() (faults fault.List) {
	for _, tier := range [...]struct {
		key  string
		size firmware.Size
	}{{"memory", c.Memory}, {"disk", c.Disk}} {
		if tier.size <= 0 {
			faults.Add(tier.key, "%s: want more than 0", tier.size)
		}
	}
	if uint64(max(c.Memory, 0)) > math.MaxInt {
		faults.Add("memory", "%s is more than this machine can address", c.Memory)
	}
	faults.Positive("lease", c.Lease)
	return faults
}

// check also looks at what the code that makes the cache sets.
func (c Config) check() error {
	faults := c.Validate()
	if c.Dir == "" {
		faults.Add("", "no directory for the disk tier")
	}
	faults.Positive("first retry", c.Retry)
	return faults.Err()
}

// WithDefaults returns c with the defaults of the keys that it leaves out.
func (c Config) WithDefaults() Config {
	c.Memory = cmp.Or(c.Memory, DefaultMemory)
	c.Disk = cmp.Or(c.Disk, DefaultDisk)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Retry = cmp.Or(c.Retry, DefaultRetry)
	return c
}

// Fetcher is the half of [firmware.Source] that the cache needs. Fetch, and the
// reads of the body it returns, must end when ctx ends.
type Fetcher interface {
	Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error)
}
