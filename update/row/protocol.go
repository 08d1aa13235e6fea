package row

import (
	"slices"
	"sync"
	"sync/atomic"
)

// protocols numbers the names of the fronts, as rows keep them: there are few
// names and many rows. The zero value knows the empty name alone, which is 0.
type protocols struct {
	mu    sync.Mutex               // of those who replace names
	names atomic.Pointer[[]string] // by number; replaced, never changed; read without the lock
}

// name returns the name of a number that number returned, or of 0.
func (p *protocols) name(number uint32) string {
	if number == 0 {
		return ""
	}
	return (*p.names.Load())[number]
}

// number returns the number of a name, a new one if need be.
func (p *protocols) number(name string) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := []string{""}
	if known := p.names.Load(); known != nil {
		names = *known
	}
	i := slices.Index(names, name)
	if i < 0 {
		i = len(names)
		next := append(slices.Clone(names), name)
		p.names.Store(&next)
	}
	return uint32(i)
}
