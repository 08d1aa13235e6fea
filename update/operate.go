package update

import (
	"context"
	"fmt"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

// Assign makes s the desired firmware of one device, or of all devices of an
// application where dev.Name is "*". It is kept over restarts. It refuses a
// spec that can never be served; a source that is away or hangs is no obstacle.
func (e *Engine) Assign(ctx context.Context, dev dfu.Device, s firmware.Spec) error {
	if dev.Name != "*" {
		s = s.For(dev)
	}
	if err := s.Validate(); err != nil {
		return err
	}
	if !s.PerDevice() {
		if err := e.releases.Check(ctx, dev, s); err != nil {
			return fmt.Errorf("%s not assigned to %s: %w", s.Key(), dev, err)
		}
	}
	if err := e.desired.Assign(dev, &s); err != nil {
		return err
	}
	if !s.PerDevice() {
		e.releases.Of(dev.Application, s)
	}
	e.reassign(dev)
	return nil
}

// Unassign takes an assignment back.
func (e *Engine) Unassign(dev dfu.Device) error {
	if !e.desired.Assigned(dev) {
		return fmt.Errorf("%s has no local assignment: %w", dev, firmware.ErrNotFound)
	}
	if err := e.desired.Assign(dev, nil); err != nil {
		return err
	}
	e.reassign(dev)
	return nil
}

// Reassign looks up anew what one device should run, after the directory has
// learned something else.
func (e *Engine) Reassign(dev dfu.Device) {
	if r := e.rows.Row(dev); r != nil {
		e.rows.Assign(r)
		r.Notice()
	}
}

// reassign looks up anew what the devices that dev stands for should run.
func (e *Engine) reassign(dev dfu.Device) {
	for r := range e.rows.All() {
		if of := r.Device(); of == dev || (dev.Name == "*" && of.Application == dev.Application) {
			e.rows.Assign(r)
			r.Notice()
		}
	}
}

// RetryDevice lets a device try its target again that did not boot.
func (e *Engine) RetryDevice(dev dfu.Device) error {
	r := e.rows.Row(dev)
	if r == nil {
		return notKnown(dev)
	}
	defer r.Unlock(r.Lock(), e.clock())
	r.Retry()
	return nil
}

// Forget drops a device's row. A device that is alive gets a new one.
func (e *Engine) Forget(dev dfu.Device) error {
	r := e.rows.Row(dev)
	if r == nil || !e.rows.Remove(r) {
		return notKnown(dev)
	}
	return nil
}

func notKnown(dev dfu.Device) error {
	return fmt.Errorf("device %s was never heard: %w", dev, firmware.ErrNotFound)
}

// Device returns where one device stands.
func (e *Engine) Device(dev dfu.Device) (status.Status, error) {
	r := e.rows.Row(dev)
	if r == nil {
		return status.Status{}, notKnown(dev)
	}
	return r.Status(), nil
}

// Devices returns where all devices of an application stand, or those of all
// applications when it is empty, in no order.
func (e *Engine) Devices(application string) []status.Status {
	var all []status.Status
	for r := range e.rows.All() {
		if application == "" || r.Device().Application == application {
			all = append(all, r.Status())
		}
	}
	return all
}

// Count returns the number of devices by state.
func (e *Engine) Count() map[status.State]int {
	n := map[status.State]int{}
	for _, s := range status.States {
		n[s] = 0
	}
	for r := range e.rows.All() {
		n[r.State()]++
	}
	return n
}
