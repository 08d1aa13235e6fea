package device

import (
	"cmp"
	"context"
	"time"

	"havn/coap/block"
)

// Defaults of Config.
const (
	DefaultMTU     = 1024             // bytes
	DefaultBackoff = 10 * time.Second // as the HTTP devices of the family
)

// Config is one device. Its zero value is a device without a version that
// behaves well.
type Config struct {
	Version   string // runs at first
	MTU       uint32 // most firmware bytes per Write; DefaultMTU when 0
	BlockSize int    // bytes per Block2, 16 to 1024; 1024 when 0
	FlashWord uint32 // bytes; DefaultFlashWord when 0
	Size      uint32 // of the image to come, where the test knows it; 0 = unknown

	ResetOnStart bool   // a Write at offset 0 starts over, as few devices do
	BootName     string // version the new image reports instead of the one it was sent as
	RollBack     bool   // runs the old version again after a swap

	Pause   time.Duration // after a Write
	Backoff time.Duration // after a failure, and when no poll is given; DefaultBackoff when 0

	// Sleep waits for d or until ctx ends, whose cause it returns. Tests shorten
	// time with it; nil waits.
	Sleep func(ctx context.Context, d time.Duration) error
	// Until ends Run when it returns true. It is asked after every round; nil
	// waits for a swap and the gateway's consent to the version that runs then.
	Until func(State) bool
	// Progress is told the bytes received of the image under way, and its size,
	// 0 when unknown. It is called by Run.
	Progress func(offset, size uint32)
}

func (c Config) withDefaults() Config {
	c.MTU = cmp.Or(c.MTU, DefaultMTU)
	c.FlashWord = cmp.Or(c.FlashWord, DefaultFlashWord)
	c.BlockSize = cmp.Or(c.BlockSize, block.MaxSZX.Size())
	c.Backoff = cmp.Or(c.Backoff, DefaultBackoff)
	if c.Sleep == nil {
		c.Sleep = Sleep
	}
	if c.Until == nil {
		c.Until = func(s State) bool { return s.Swaps > 0 && s.InSync }
	}
	return c
}
