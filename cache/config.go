package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"havn/firmware"
)

// What a Config left at zero means.
const (
	DefaultMemory = 256 * firmware.MiB
	DefaultDisk   = 4 * firmware.GiB
	DefaultLease  = time.Hour
	DefaultRetry  = 5 * time.Second
)

// Config is the cache section of the configuration. A zero field stands for
// its default.
type Config struct {
	// Memory is the budget for images in memory; also the largest image that
	// can be served at all. The process needs about as much again for the
	// garbage collector.
	Memory firmware.Size `yaml:"memory"`
	// Disk is the budget for image files and downloads under way.
	Disk firmware.Size `yaml:"disk"`
	// Lease is how long an image counts as in use after it was last served.
	Lease time.Duration `yaml:"lease"`

	// Dir is the directory of the disk tier; it is made if needed. Nobody else
	// may write to it.
	Dir string `yaml:"-"`
	// Retry is the wait after a first failed fetch; it doubles with each one
	// that follows.
	Retry time.Duration `yaml:"-"`
}

// Validate reports the first field that cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Memory < 0 || uint64(c.Memory) > math.MaxInt:
		return fmt.Errorf("cache.memory: %s is more than this machine can address", c.Memory)
	case c.Disk < 0:
		return fmt.Errorf("cache.disk: %s is negative", c.Disk)
	case c.Lease < 0:
		return fmt.Errorf("cache.lease: %s is negative", c.Lease)
	case c.Retry < 0:
		return fmt.Errorf("cache: first retry after %s is negative", c.Retry)
	case c.Dir == "":
		return errors.New("cache: no directory for the disk tier")
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.Memory = cmp.Or(c.Memory, DefaultMemory)
	c.Disk = cmp.Or(c.Disk, DefaultDisk)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Retry = cmp.Or(c.Retry, DefaultRetry)
	return c
}

// Fetcher is the half of [firmware.Source] that the cache needs. Fetch and
// reads of what it returns must end when ctx does.
type Fetcher interface {
	Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error)
}
