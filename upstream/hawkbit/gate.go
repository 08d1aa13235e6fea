package hawkbit

import (
	"errors"
	"sync"
	"time"

	"havn/firmware"
)

// Why a device must not swap now.
var (
	ErrUnknown      = errors.New("hawkBit was not asked yet whether the device may swap")
	ErrWindow       = errors.New("the swap waits for the maintenance window of the hawkBit action")
	ErrDownloadOnly = errors.New("the hawkBit action is download-only: " +
		"the swap waits for another action")
	ErrCancelled = errors.New("the hawkBit action was cancelled while the device was writing: " +
		"reboot the device, or assign another distribution set")
)

// gate is what the device path knows of a controller. It answers from memory, and
// waits for no exchange with the server.
type gate struct {
	mu        sync.Mutex
	ready     bool
	action    string          // ID
	digest    firmware.Digest // of the action
	held      error           // why digest must not be swapped to; nil = it may be
	expires   bool            // the permission to swap ends
	until     time.Time       // when the permission ends
	cancelled firmware.Digest // zero = none, or replaced by another action
	granted   bool            // a device was allowed to swap to digest
}

var _ firmware.Gate = (*Source)(nil)

// MaySwap implements firmware.Gate. The error is nil, or one of the errors above.
// After a granted swap a cancel of the server is too late.
func (s *Source) MaySwap(spec firmware.Spec, d firmware.Digest) error {
	ref, ok := spec.Ref.(Ref)
	if !ok {
		return nil
	}
	c := s.known(ref.Controller)
	if c == nil {
		return ErrUnknown
	}
	return c.gate.ask(d, time.Now())
}

func (g *gate) ask(d firmware.Digest, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.ready:
		return ErrUnknown
	case d == g.cancelled:
		return ErrCancelled
	case d != g.digest:
		return nil // in flight before this action: finished, not switched
	case g.held != nil:
		return g.held
	case g.expires && now.After(g.until):
		return ErrWindow
	}
	g.granted = true
	return nil
}

// publish brings the gate up to date with the state.
func (c *controller) publish() {
	g := &c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready, g.cancelled = c.stored || !c.asked.IsZero(), c.state.Cancelled
	a := c.state.Action
	if a == nil {
		g.action, g.digest, g.granted = "", firmware.Digest{}, false
		return
	}
	if a.ID != g.action || a.Metadata.Digest != g.digest {
		g.action, g.digest, g.granted = a.ID, a.Metadata.Digest, a.Swapped
	}
	g.held, g.expires = nil, false
	switch {
	case a.downloadOnly():
		g.held = ErrDownloadOnly
	case a.Closed: // an operator's retry needs no window
	case a.Skip:
		g.held = ErrWindow
	case a.Window:
		g.expires, g.until = true, c.asked.Add(2*c.sleep)
	}
}

// stop ends the permission to swap to d, unless a device used the permission
// already.
func (g *gate) stop(d firmware.Digest) (stopped bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.digest == d && g.granted {
		return false
	}
	g.cancelled = d
	return true
}
