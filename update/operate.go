package update

import (
	"context"
	"fmt"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update/guard"
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
	if row := e.rows.row(dev); row != nil {
		e.assignRow(row)
		row.notice()
	}
}

// reassign looks up anew what the devices that dev stands for should run.
func (e *Engine) reassign(dev dfu.Device) {
	for row := range e.rows.all() {
		if row.device() == dev || (dev.Name == "*" && row.device().Application == dev.Application) {
			e.assignRow(row)
			row.notice()
		}
	}
}

// RetryDevice lets a device try its target again that did not boot.
func (e *Engine) RetryDevice(dev dfu.Device) error {
	row := e.rows.row(dev)
	if row == nil {
		return notKnown(dev)
	}
	defer row.unlock(row.lock(), e.clock())
	row.sent, row.reason, row.lost = delivery{}, guard.ReasonNone, text{}
	return nil
}

// Forget drops a device's row. A device that is alive gets a new one.
func (e *Engine) Forget(dev dfu.Device) error {
	row := e.rows.row(dev)
	if row == nil || !e.remove(row) {
		return notKnown(dev)
	}
	return nil
}

func notKnown(dev dfu.Device) error {
	return fmt.Errorf("device %s was never heard: %w", dev, firmware.ErrNotFound)
}

// Device returns the view of one row.
func (e *Engine) Device(dev dfu.Device) (status.Status, error) {
	row := e.rows.row(dev)
	if row == nil {
		return status.Status{}, notKnown(dev)
	}
	return row.view(), nil
}

// Devices returns the views of all rows of an application, or of all
// applications when it is empty, in no order.
func (e *Engine) Devices(application string) []status.Status {
	var views []status.Status
	for row := range e.rows.all() {
		if application == "" || row.device().Application == application {
			views = append(views, row.view())
		}
	}
	return views
}

// Count returns the number of devices by state.
func (e *Engine) Count() map[status.State]int {
	n := map[status.State]int{}
	for _, s := range status.States {
		n[s] = 0
	}
	for row := range e.rows.all() {
		row.mu.Lock()
		n[row.state()]++
		row.mu.Unlock()
	}
	return n
}
