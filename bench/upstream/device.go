package upstream

import (
	"context"
	"fmt"

	"havn/bench"
	"havn/bench/backend"
	"havn/bench/device"
	"havn/dfu"
	"havn/status"
	"havn/upstream"
)

// Messages counts the exchanges of devices, by the command that ended each.
type Messages struct {
	Writes uint64 `json:"writes"`
	Swaps  uint64 `json:"swaps"`
	Syncs  uint64 `json:"syncs"`
	Waits  uint64 `json:"waits"` // until the gateway had the firmware
}

func (m *Messages) add(o Messages) {
	m.Writes += o.Writes
	m.Swaps += o.Swaps
	m.Syncs += o.Syncs
	m.Waits += o.Waits
}

// count counts an answer.
func (m *Messages) count(op dfu.Op) {
	switch op {
	case dfu.OpWrite:
		m.Writes++
	case dfu.OpSwap:
		m.Swaps++
	case dfu.OpSync:
		m.Syncs++
	case dfu.OpWait:
		m.Waits++
	}
}

// campaignDevice is a device that stops at each step of progress until the
// cloud was told of it. It is the Transport of its own simulated device, and
// counts what goes by.
type campaignDevice struct {
	name   dfu.Device
	client *device.Client
	over   device.Transport
	device *device.Device

	size, chunk uint32
	step        uint32 // bytes after which progress is told
	halt        uint32 // bytes at which the device stops next
	asked       uint32 // offset of the last Write: what the gateway knows of

	messages Messages
}

func (c *campaign) newDevice(i int) (_ *campaignDevice, err error) {
	d := &campaignDevice{
		name: bench.Device(i), size: uint32(c.Size), chunk: uint32(c.Chunk),
		step: uint32((uint64(c.Size)*progressEvery + 99) / 100), // the least that is told
	}
	d.halt = d.step + d.chunk
	d.device, err = device.New(device.Config{
		Version: bench.OldVersion, MTU: d.chunk, Size: d.size,
		Until: func(s device.State) bool { return s.Offset >= d.halt || s.InSync },
	}, d)
	if err != nil {
		return nil, err
	}
	c.backend.Add(d.name.Name)
	d.client, err = device.Dial(c.gateway.Addr("coap").String(), device.Transmission{})
	d.over = &device.CoAP{Client: d.client, Device: d.name}
	return d, err
}

// Exchange implements device.Transport.
func (d *campaignDevice) Exchange(ctx context.Context, status []byte) (device.Answer, error) {
	answer, err := d.over.Exchange(ctx, status)
	if err != nil {
		return answer, err
	}
	command, err := dfu.ParseCommand(answer.Command)
	if err != nil {
		return answer, nil // the device complains of it
	}
	d.messages.count(command.Op)
	if command.Op == dfu.OpWrite {
		d.asked = command.Offset
	}
	return answer, nil
}

// update updates the device, step by step.
func (d *campaignDevice) update(ctx context.Context, b *backend.Backend) error {
	for {
		if _, err := d.device.RunStrictly(ctx); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		if d.device.State().InSync {
			return nil
		}
		told, err := b.Await(ctx, d.name.Name, d.told)
		if err != nil {
			return err
		}
		d.halt = told.Offset + d.step + d.chunk
	}
}

// told reports whether s is all that the cloud is told while the device waits.
func (d *campaignDevice) told(s upstream.StatusBody) bool {
	return s.State == status.Updating && s.Offset <= d.asked && d.asked-s.Offset < d.step
}
