package gateway

import (
	"context"
	"errors"
	"fmt"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream"
	"havn/upstream/hawkbit"
)

// openHawkbit adds the source of hawkBit to all, where one is configured.
func (g *Gateway) openHawkbit(all firmware.Sources) (err error) {
	if g.cfg.Firmware.Hawkbit.URL == "" {
		return nil
	}
	g.hawkbit, err = hawkbit.New(g.cfg.Firmware.Hawkbit, g.store.Documents(), g.log)
	if err == nil {
		all[firmware.KindHawkbit] = g.hawkbit
	}
	return err
}

// actions tells hawkBit what becomes of the devices that it assigns firmware to.
type actions struct {
	source  hawkbit.Reporter
	desired func(dfu.Device) (firmware.Spec, error) // from memory
}

// Name implements upstream.Publisher.
func (actions) Name() string { return "hawkbit" }

// Accepts implements upstream.Publisher.
func (p actions) Accepts(e *upstream.Event) bool {
	if !e.IsStatus() {
		return false
	}
	spec, err := p.desired(e.Device)
	return err == nil && spec.Hawkbit != nil
}

// Publish implements upstream.Publisher. A device that runs something else by
// now is no longer hawkBit's concern.
func (p actions) Publish(ctx context.Context, e *upstream.Event) error {
	spec, err := p.desired(e.Device)
	switch {
	case errors.Is(err, firmware.ErrPending):
		return fmt.Errorf("%w: the controller of %s: %w", upstream.ErrRejected, e.Device, err)
	case err != nil || spec.Hawkbit == nil:
		return nil
	}
	return p.source.Report(ctx, spec.Hawkbit.Controller, e.Status)
}
