package hawkbit

import (
	"context"
	"errors"
	"fmt"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream"
)

// Publisher is the [upstream.Publisher] that tells hawkBit what becomes of the
// devices it assigns firmware to.
type Publisher struct {
	source  Reporter
	desired func(dfu.Device) (firmware.Spec, error)
}

var _ upstream.Publisher = Publisher{}

// NewPublisher returns the publisher for source. desired answers from memory.
func NewPublisher(source Reporter, desired func(dfu.Device) (firmware.Spec, error)) Publisher {
	return Publisher{source, desired}
}

// Name implements upstream.Publisher.
func (Publisher) Name() string { return "hawkbit" }

// Accepts implements upstream.Publisher.
func (p Publisher) Accepts(e *upstream.Event) bool {
	if !e.IsStatus() {
		return false
	}
	spec, err := p.desired(e.Device)
	return err == nil && spec.Kind == Kind.Name
}

// Publish implements upstream.Publisher. A device that runs something else by
// now is no longer hawkBit's concern.
func (p Publisher) Publish(ctx context.Context, e *upstream.Event) error {
	spec, err := p.desired(e.Device)
	ref, ours := spec.Ref.(Ref)
	switch {
	case errors.Is(err, firmware.ErrPending):
		return fmt.Errorf("%w: the controller of %s: %w", upstream.ErrRejected, e.Device, err)
	case err != nil || !ours:
		return nil
	}
	return p.source.Report(ctx, ref.Controller, e.Status)
}
