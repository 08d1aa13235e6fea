package lorawan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/lorawan/event"
	"havn/lorawan/queue"
	"havn/lorawan/region"
	"havn/update"
)

// uplink answers a Status and hands on everything else. A command goes down
// where nothing else does.
func (h *Handler) uplink(up *event.Uplink, now time.Time) (event.Downlink, bool) {
	d := h.devices.find(up.Device)
	if d == nil {
		d = h.meet(up.Device)
	}
	if why, ok := d.accept(up.FCnt); !ok {
		h.reject(why, up.Device, fmt.Errorf("frame counter %d after %d", up.FCnt, d.fCnt))
		return event.Downlink{}, false
	}
	d.opened(up, now)
	h.devices.name(d, h.cfg.deviceName(up.Device))
	st, ok := h.status(up)
	if !ok {
		d.queue.Free()
	} else if dl, ok := h.answer(d, up, &st, now); ok {
		return dl, true
	}
	return h.command(d, now)
}

// status returns the Status that an uplink holds. Where it holds none, it is
// telemetry or rejected.
func (h *Handler) status(up *event.Uplink) (st dfu.Status, ok bool) {
	port := slices.Index(h.cfg.FPorts, int(up.FPort))
	if port < 0 {
		h.pass(up)
		return st, false
	}
	if up.Refused != nil {
		h.reject(rejectionOf(up.Refused), up.Device, up.Refused)
		return st, false
	}
	st, err := dfu.ParseStatus(up.Payload)
	switch {
	case err == nil:
		return st, true
	case port > 0:
		h.pass(up)
	default:
		h.reject(front.BadStatus, up.Device, err)
	}
	return st, false
}

func rejectionOf(err error) front.Reason {
	switch {
	case errors.Is(err, event.ErrEncrypted):
		return Encrypted
	case errors.Is(err, event.ErrTag):
		return BadTag
	case errors.Is(err, region.ErrDataRate):
		return BadDataRate
	}
	return front.Malformed
}

// meet makes a device known.
func (h *Handler) meet(from event.Device) *device {
	d, evicted := h.devices.add(from, maxDevices)
	if evicted {
		h.stats.Evicted.Add(1)
	}
	return d
}

// answer asks the engine and sends its Command, unless there may be something
// in the queue already. A Wait is silence: it costs no airtime and means the
// same to the device.
func (h *Handler) answer(d *device, up *event.Uplink, st *dfu.Status, now time.Time) (event.Downlink, bool) {
	rules, err := h.radio.of(up)
	var limits update.Limits
	if err == nil {
		limits, err = h.limits(d, rules, up, st, now)
	}
	if err != nil {
		h.reject(rejectionOf(err), up.Device, err)
		return event.Downlink{}, false
	}
	free := h.free(d, st, now)
	row := h.engine.Lookup(Protocol, h.application, []byte(d.name), now)
	cmd := h.engine.Request(row, st, limits, now)
	d.updating = begins(cmd.Op)
	switch {
	case !free && d.queue.Overdue():
		return h.probe(d, up, rules, now), true
	case !free:
		h.stats.Held.Add(1)
	case cmd.Op == dfu.OpWait:
		h.stats.Silent.Add(1)
	default:
		return h.send(d, up, cmd, rules, now), true
	}
	return event.Downlink{}, false
}

// free reports whether the queue of the device is empty, as far as can be told.
func (h *Handler) free(d *device, st *dfu.Status, now time.Time) bool {
	d.queue.See(st)
	if d.queue.Silent >= 2 { // the window it rode, if it was late, has passed as well
		if !d.starving(now) {
			h.stats.Widened.Add(1)
		}
		d.starved = now.Add(forget)
	}
	return d.queue.Free() || h.cfg.Server.replaces() && d.queue.Overdue()
}

// limits returns what the answer to an uplink may be.
func (h *Handler) limits(
	d *device, rules *region.Region, up *event.Uplink, st *dfu.Status, now time.Time,
) (update.Limits, error) {
	most, err := h.most(d, up, rules, now)
	if err != nil {
		return update.Limits{}, err
	}
	c := h.chunks.Load()
	align := cmp.Or(up.Overrides.Align, c.Align)
	write := c.write(up.DR)
	if c.Margin > 0 {
		write = min(write, room(st, most-c.Margin))
	}
	if r := room(st, most-maxFOpts); d.starving(now) && r >= align {
		write = min(write, r) // where that leaves nothing, MAC commands must find another way
	}
	full := !st.Updating && h.airtime.exhausted(now)
	if full {
		h.stats.Deferred.Add(1)
	}
	return update.Limits{Payload: most, Write: uint32(write), NoStart: full, Align: uint32(align)}, nil
}

// most returns how many bytes the answer to an uplink may have.
func (h *Handler) most(d *device, up *event.Uplink, rules *region.Region, now time.Time) (int, error) {
	most, err := rules.MaxDownlink(up.DR)
	if err != nil {
		return 0, err
	}
	if own := up.Overrides.MaxPayload; own > 0 {
		most = min(most, own)
	}
	return d.limit(up.DR, most, now), nil
}

// room returns how many firmware bytes fit the Write that a Status asks for.
// What a device that has not begun will be sent is not known here; its version
// is taken to be as long as the one it runs.
func room(st *dfu.Status, payload int) int {
	cmd := dfu.Command{Op: dfu.OpWrite, Version: st.Version, CorrelationID: st.CorrelationID}
	if st.Updating {
		cmd.Version, cmd.Offset = st.Update.Version, st.Update.Offset
	}
	return max(0, cmd.MaxData(payload))
}

// send makes a downlink of a Command and notes that it is queued.
func (h *Handler) send(
	d *device, up *event.Uplink, cmd dfu.Command, rules *region.Region, now time.Time,
) event.Downlink {
	cmd.Poll = 0 // LoRaWAN devices keep their own pace
	dl := h.reply(d, up, cmd, rules, now)
	d.queue.Put(queue.Item{
		ID: dl.ID, Op: cmd.Op, Version: slices.Clone(cmd.Version), Offset: cmd.Offset,
		Size: len(dl.Payload), Fresh: d.fresh(now),
	})
	if cmd.Op == dfu.OpWrite {
		h.stats.Chunk(len(cmd.Data))
	}
	return dl
}

// probe returns a Wait that goes behind whatever may be queued.
func (h *Handler) probe(d *device, up *event.Uplink, rules *region.Region, now time.Time) event.Downlink {
	h.stats.Probes.Add(1)
	dl := h.reply(d, up, dfu.Command{Op: dfu.OpWait}, rules, now)
	d.queue.PutProbe(dl.ID)
	return dl
}

// reply returns the downlink with a Command.
func (h *Handler) reply(
	d *device, up *event.Uplink, cmd dfu.Command, rules *region.Region, now time.Time,
) event.Downlink {
	h.stats.Requests.Count(statuses, int(cmd.Op))
	dl := h.downlink(d, up.FPort, cmd.Append(make([]byte, 0, cmd.Len())), rules, now)
	dl.Replace = h.cfg.Server.replaces()
	return dl
}

// downlink returns a downlink to the device, and notes the time it is on the air.
func (h *Handler) downlink(
	d *device, fPort uint8, payload []byte, rules *region.Region, now time.Time,
) event.Downlink {
	dl := event.Downlink{Device: d.last.Device, ID: event.NewDownlinkID(), FPort: fPort, Payload: payload}
	if h.expires {
		dl.Expires = now.Add(d.patience())
	}
	if dr, err := rules.DownlinkDR(d.last.DR); err == nil {
		if airtime, err := rules.DownlinkAirtime(dr, len(payload)); err == nil {
			h.stats.Airtime.Add(int64(airtime))
			h.airtime.spend(airtime, now)
		}
	}
	return dl
}
