package lorawan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/queue"
	"havn/lorawan/region"
)

// portPrefix begins the name of a command that is for an FPort, as at Drogue
// Cloud's integration of The Things Stack.
const portPrefix = "port:"

// Find returns the device that the gateway calls name, and false if it was not heard.
func (h *Handler) Find(name string) (event.Device, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.devices.byName[name]; d != nil {
		return d.last.Device, true
	}
	return event.Device{}, false
}

// command returns the downlink for the oldest command that waits for the device and
// can be sent. It returns false while the queue of the device takes no command.
func (h *Handler) command(d *device, now time.Time) (event.Downlink, bool) {
	if h.upstream.Commands == nil || !d.heard || !d.queue.TakesCommand() {
		return event.Downlink{}, false
	}
	for {
		name, payload, ok := h.upstream.Commands(h.cfg.Application, d.name)
		if !ok {
			return event.Downlink{}, false
		}
		dl, err := h.commandDownlink(d, name, payload, now)
		if err == nil {
			h.stats.Commands.Add(1)
			return dl, true
		}
		h.reject(front.BadCommand, d.last.Device, fmt.Errorf("command %q: %w", name, err))
	}
}

// commandDownlink makes a downlink of a command and notes that the downlink is queued,
// or returns why the command cannot be sent.
func (h *Handler) commandDownlink(
	d *device, name string, payload []byte, now time.Time,
) (event.Downlink, error) {
	port, err := h.port(name)
	if err != nil {
		return event.Downlink{}, err
	}
	rules, err := h.rules(&d.last)
	if err = errors.Join(d.last.Refused, err); err != nil {
		return event.Downlink{}, err
	}
	if err := h.fits(d, len(payload), rules, now); err != nil {
		return event.Downlink{}, err
	}
	dl := h.downlink(d, port, payload, rules, now)
	if d.queue.Idle() {
		d.queue.Put(queue.Item{ID: dl.ID, Command: true, Size: len(payload)}, now)
	} else {
		d.queue.PutProbe(dl.ID)
	}
	return dl, nil
}

// port returns the FPort that a command is for.
func (h *Handler) port(name string) (uint8, error) {
	text, ok := strings.CutPrefix(name, portPrefix)
	n, err := strconv.Atoi(text)
	switch {
	case !ok || err != nil || n < event.MinFPort || n > event.MaxFPort:
		return 0, errors.New("want a name port:N with N within 1..223")
	case slices.Contains(h.cfg.FPorts, n):
		return 0, fmt.Errorf("FPort %d is for firmware: use another FPort", n)
	}
	return uint8(n), nil
}

// fits reports why the payload of a command does not fit a downlink to the device.
func (h *Handler) fits(d *device, size int, rules *region.Region, now time.Time) error {
	most, err := h.most(d, rules, now)
	if !d.queue.Idle() {
		most -= maxFOpts // the command is a probe, which MAC commands must not starve
	}
	switch {
	case err != nil:
		return err
	case size == 0:
		return errors.New("the payload is empty")
	case size > most:
		return fmt.Errorf("%d bytes; after an uplink at DR%d, %d fit", size, d.last.DR, max(most, 0))
	}
	return nil
}
