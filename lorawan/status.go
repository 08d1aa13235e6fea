package lorawan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"havn/gateway/dfu"
	"havn/gateway/update"
	"havn/lorawan/region"
)

// uplink answers a Status and hands on everything else.
func (h *Handler) uplink(up *Uplink, now time.Time) (Downlink, bool) {
	d, accepted := h.devices.find(up.Device), true
	var why Rejection
	if d != nil {
		if why, accepted = d.accept(up.FCnt); accepted {
			d.opened(up.DR, now)
		}
	}
	st, ok := h.status(up)
	switch {
	case !ok:
		return Downlink{}, false
	case !accepted:
		h.reject(why, up.Device, fmt.Errorf("frame counter %d after %d", up.FCnt, d.fCnt))
		return Downlink{}, false
	case d == nil:
		d = h.meet(up, now)
	}
	return h.answer(d, up, &st, now)
}

// status returns the Status that an uplink holds. Where it holds none, it is
// telemetry or rejected.
func (h *Handler) status(up *Uplink) (st dfu.Status, ok bool) {
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
		h.reject(BadStatus, up.Device, err)
	}
	return st, false
}

func rejectionOf(err error) Rejection {
	switch {
	case errors.Is(err, ErrEncrypted):
		return Encrypted
	case errors.Is(err, ErrTag):
		return BadTag
	case errors.Is(err, region.ErrDataRate):
		return BadDataRate
	}
	return Malformed
}

// pass hands on telemetry. A frame without FPort carries none.
func (h *Handler) pass(up *Uplink) {
	if up.FPort == 0 {
		return
	}
	h.stats.Telemetry.Add(1)
	if h.telemetry != nil {
		h.telemetry(dfu.Device{Application: h.cfg.Application, Name: h.cfg.deviceName(up.Device)}, *up)
	}
}

// meet makes a device known.
func (h *Handler) meet(up *Uplink, now time.Time) *device {
	d, evicted := h.devices.add(up.Device, maxDevices)
	if evicted {
		h.stats.Evicted.Add(1)
	}
	d.accept(up.FCnt)
	d.opened(up.DR, now)
	return d
}

// answer asks the engine and sends its Command, unless there may be something
// in the queue already. A Wait is silence: it costs no airtime and means the
// same to the device.
func (h *Handler) answer(d *device, up *Uplink, st *dfu.Status, now time.Time) (Downlink, bool) {
	rules, err := h.radio.of(up)
	var limits update.Limits
	if err == nil {
		limits, err = h.limits(d, rules, up, st, now)
	}
	if err != nil {
		h.reject(rejectionOf(err), up.Device, err)
		return Downlink{}, false
	}
	free := h.free(d, st, now)
	row := h.engine.Lookup(update.LoRaWAN, h.application, []byte(h.cfg.deviceName(up.Device)), now)
	cmd := h.engine.Request(row, st, limits, now)
	switch {
	case !free && d.queue.overdue():
		return h.probe(d, up, rules, now), true
	case !free:
		h.stats.Held.Add(1)
	case cmd.Op == dfu.OpWait:
		h.stats.Silent.Add(1)
	default:
		return h.send(d, up, cmd, rules, now), true
	}
	return Downlink{}, false
}

// free reports whether the queue of the device is empty, as far as can be told.
func (h *Handler) free(d *device, st *dfu.Status, now time.Time) bool {
	d.queue.see(st)
	if d.queue.silent >= 2 { // the window it rode, if it was late, has passed as well
		if !d.starving(now) {
			h.stats.Widened.Add(1)
		}
		d.starved = now.Add(forget)
	}
	return d.queue.free() || h.cfg.Server.replaces() && d.queue.overdue()
}

// limits returns what the answer to an uplink may be.
func (h *Handler) limits(
	d *device, rules *region.Region, up *Uplink, st *dfu.Status, now time.Time,
) (update.Limits, error) {
	most, err := rules.MaxDownlink(up.DR)
	if err != nil {
		return update.Limits{}, err
	}
	if own := up.Overrides.MaxPayload; own > 0 {
		most = min(most, own)
	}
	most = d.limit(up.DR, most, now)
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
	d *device, up *Uplink, cmd dfu.Command, rules *region.Region, now time.Time,
) Downlink {
	cmd.Poll = 0 // LoRaWAN devices keep their own pace
	dl := h.downlink(d, up, cmd, rules, now)
	d.queue.put(item{
		id: dl.ID, op: cmd.Op, version: slices.Clone(cmd.Version), offset: cmd.Offset,
		size: len(dl.Payload), fresh: now.Add(d.patience() / 2),
	})
	if cmd.Op == dfu.OpWrite {
		h.stats.Chunks.Add(1)
		h.stats.ChunkBytes.Add(uint64(len(cmd.Data)))
	}
	return dl
}

// probe returns a Wait that goes behind whatever may be queued.
func (h *Handler) probe(d *device, up *Uplink, rules *region.Region, now time.Time) Downlink {
	h.stats.Probes.Add(1)
	dl := h.downlink(d, up, dfu.Command{Op: dfu.OpWait}, rules, now)
	d.queue.putProbe(dl.ID)
	return dl
}

func (h *Handler) downlink(
	d *device, up *Uplink, cmd dfu.Command, rules *region.Region, now time.Time,
) Downlink {
	dl := Downlink{
		Device: up.Device, ID: NewDownlinkID(), FPort: up.FPort,
		Payload: cmd.Append(make([]byte, 0, cmd.Len())), Replace: h.cfg.Server.replaces(),
	}
	if h.expires {
		dl.Expires = now.Add(d.patience())
	}
	h.stats.answers[cmd.Op].Add(1)
	if dr, err := rules.DownlinkDR(up.DR); err == nil {
		if airtime, err := rules.DownlinkAirtime(dr, len(dl.Payload)); err == nil {
			h.stats.Airtime.Add(int64(airtime))
			h.airtime.spend(airtime, now)
		}
	}
	return dl
}
