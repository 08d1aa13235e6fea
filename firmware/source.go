package firmware

import (
	"context"
	"fmt"
	"io"

	"havn/dfu"
)

// Source finds and fetches firmware.
//
// Both calls may take as long as ctx allows and may be called concurrently.
// Errors wrap the sentinels of this package. Any other error means that the
// source is away: the call is worth repeating.
type Source interface {
	// Resolve finds what s names now. It downloads no firmware.
	Resolve(ctx context.Context, dev dfu.Device, s Spec) (Metadata, error)
	// Fetch opens the bytes of an image resolved before. Readers verify them.
	Fetch(ctx context.Context, m Metadata) (io.ReadCloser, error)
}

// Gate is a Source that has a say in when a device swaps.
type Gate interface {
	// MaySwap returns nil if the device of s may be told to swap to d, else the
	// reason for people. It is on the device path: memory only, no waiting, no
	// allocation. It is asked when the answer is about to be given: after nil, the
	// device counts as told.
	MaySwap(s Spec, d Digest) error
}

// Directory tells which firmware a device should run.
type Directory interface {
	// Desired answers from memory: no network, no disk, no waiting. It returns
	// ErrNotFound if nothing is desired, ErrPending while the answer is being asked
	// for, and ErrInvalid, wrapped with the reason, for a broken entry.
	Desired(dev dfu.Device) (Spec, error)
}

// Sources is a Source that hands each call to the source of its kind.
type Sources map[string]Source

// Resolve implements Source.
func (m Sources) Resolve(ctx context.Context, dev dfu.Device, s Spec) (Metadata, error) {
	if src := m[s.Kind]; src != nil {
		return src.Resolve(ctx, dev, s)
	}
	return Metadata{}, fmt.Errorf("%w: no %s source is configured for %s: set firmware.%s",
		ErrDenied, s.Kind, s.Key(), s.Kind)
}

// Fetch implements Source.
func (m Sources) Fetch(ctx context.Context, md Metadata) (io.ReadCloser, error) {
	if src := m[md.Origin.Kind]; src != nil {
		return src.Fetch(ctx, md)
	}
	return nil, fmt.Errorf("%w: no %s source is configured for %s: set firmware.%s",
		ErrDenied, md.Origin.Kind, md.Digest, md.Origin.Kind)
}

// MaySwap implements Gate: sources without an opinion let every device swap.
func (m Sources) MaySwap(s Spec, d Digest) error {
	if gate, ok := m[s.Kind].(Gate); ok {
		return gate.MaySwap(s, d)
	}
	return nil
}
