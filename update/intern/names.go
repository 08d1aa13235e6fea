package intern

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Names numbers a few names, for those who are many and have one each. Its zero
// value knows the empty name alone, which is 0. Its methods may be called
// concurrently.
type Names struct {
	mu    sync.Mutex               // of those who replace names
	names atomic.Pointer[[]string] // by number; replaced, never changed; read without the lock
}

// Name returns the name of a number that Number returned, or of 0.
func (n *Names) Name(number uint32) string {
	if number == 0 {
		return ""
	}
	return (*n.names.Load())[number]
}

// Number returns the number of a name, a new one if need be.
func (n *Names) Number(name string) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := []string{""}
	if known := n.names.Load(); known != nil {
		names = *known
	}
	i := slices.Index(names, name)
	if i < 0 {
		i = len(names)
		next := append(slices.Clone(names), name)
		n.names.Store(&next)
	}
	return uint32(i)
}
