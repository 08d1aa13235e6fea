package lorawan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/queue"
	"havn/lorawan/region"
)

// portPrefix begins the name of a command that is for an FPort, as at Drogue
// Cloud's integration of The Things Stack.
const portPrefix = "port:"

var errPort = errors.New("want a name port:N with N within 1..223")

// Find returns what a network server calls the device that the gateway knows by
// that name, if it was heard.
func (h *Handler) Find(name string) (event.Device, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.devices.byName[name]; d != nil {
		return d.last.Device, true
	}
	return event.Device{}, false
}

// command returns the downlink for the oldest command that waits for the device
// and can be sent. It takes none while the device's queue is in use.
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

// commandDownlink makes a downlink of a command and notes that it is queued, or
// returns why it cannot be sent.
func (h *Handler) commandDownlink(
	d *device, name string, payload []byte, now time.Time,
) (event.Downlink, error) {
	port, err := h.port(name)
	if err != nil {
		return event.Downlink{}, err
	}
	rules, err := h.radio.of(&d.last)
	if err = errors.Join(d.last.Refused, err); err != nil {
		return event.Downlink{}, err
	}
	if err := h.fits(d, len(payload), rules, now); err != nil {
		return event.Downlink{}, err
	}
	dl := h.downlink(d, port, payload, rules, now)
	if d.queue.Idle() {
		d.queue.Put(queue.Item{ID: dl.ID, Command: true, Size: len(payload), Fresh: d.fresh(now)})
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
		return 0, errPort
	case slices.Contains(h.cfg.FPorts, n):
		return 0, fmt.Errorf("FPort %d is for firmware, which comes from this gateway", n)
	}
	return uint8(n), nil
}

// fits reports why a payload does not fit a downlink to the device, as things
// stood at its last uplink.
func (h *Handler) fits(d *device, size int, rules *region.Region, now time.Time) error {
	most, err := h.most(d, &d.last, rules, now)
	if !d.queue.Idle() {
		most -= maxFOpts // like a probe, it must not starve
	}
	switch {
	case err != nil:
		return err
	case size == 0:
		return errors.New("a downlink has a payload")
	case size > most:
		return fmt.Errorf("%d bytes; after an uplink at DR%d, %d fit", size, d.last.DR, max(most, 0))
	}
	return nil
}

// due reports whether a command may go although no uplink asks for an answer: in
// an update, firmware and commands take turns.
func (d *device) due() bool { return !d.updating || !d.queue.Last.Command }

// begins reports whether a Command is part of an update.
func begins(op dfu.Op) bool { return op == dfu.OpWrite || op == dfu.OpSwap }
