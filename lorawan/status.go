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

// uplink answers a Status and hands on telemetry. If that makes no downlink, a command
// of the upstream may.
func (h *Handler) uplink(up *event.Uplink, now time.Time) (event.Downlink, bool) {
	d, evicted := h.devices.meet(up.Device)
	if evicted {
		h.stats.Evicted.Add(1)
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
	} else if dl, ok := h.answer(d, &st, now); ok {
		return dl, true
	}
	return h.command(d, now)
}

// status returns the Status in an uplink. If there is none, status hands the uplink on
// as telemetry or rejects it, and returns false.
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

// answer asks the engine for the Command to a Status, and returns it as a downlink
// unless an earlier downlink may still be queued. A Wait is not sent: it costs airtime,
// and without an answer the device waits as well.
func (h *Handler) answer(d *device, st *dfu.Status, now time.Time) (event.Downlink, bool) {
	rules, err := h.rules(&d.last)
	var limits update.Limits
	if err == nil {
		limits, err = h.limits(d, rules, st, now)
	}
	if err != nil {
		h.reject(rejectionOf(err), d.last.Device, err)
		return event.Downlink{}, false
	}
	free := h.free(d, st, now)
	row := h.engine.Lookup(Protocol, h.application, []byte(d.name), now)
	cmd := h.engine.Request(row, st, limits, now)
	d.updating = cmd.Op == dfu.OpWrite || cmd.Op == dfu.OpSwap
	switch {
	case !free && d.queue.Overdue():
		return h.probe(d, rules, now), true
	case !free:
		h.stats.Held.Add(1)
	case cmd.Op == dfu.OpWait:
		h.stats.Silent.Add(1)
	default:
		return h.send(d, cmd, rules, now), true
	}
	return event.Downlink{}, false
}

// rules returns the radio rules for the answer to an uplink. Its error is event.ErrTag.
func (h *Handler) rules(up *event.Uplink) (*region.Region, error) {
	rules, offset := h.radio.Region(up.Region), up.Overrides.RX1DROffset
	if !offset.Set {
		return rules, nil
	}
	rules, err := rules.WithRX1DROffset(int(offset.Value))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", event.ErrTag, err)
	}
	return rules, nil
}

// free reports whether an answer may be sent. Two uplinks without a sign of the last
// downlink mean that MAC commands starve it: had it come late, it would have left in
// the second window.
func (h *Handler) free(d *device, st *dfu.Status, now time.Time) bool {
	d.queue.See(st)
	if d.queue.Silent >= 2 {
		if !d.starving(now) {
			h.stats.Widened.Add(1)
		}
		d.starved = now.Add(forget)
	}
	return d.queue.Free() || h.cfg.Server.replaces() && d.queue.Overdue()
}

// limits returns what the Command to the last uplink may be.
func (h *Handler) limits(
	d *device, rules *region.Region, st *dfu.Status, now time.Time,
) (update.Limits, error) {
	most, err := h.most(d, rules, now)
	if err != nil {
		return update.Limits{}, err
	}
	c := h.chunks.Load()
	align := cmp.Or(d.last.Overrides.Align, c.Align)
	write := c.write(d.last.DR)
	if c.Margin > 0 {
		write = min(write, room(st, most-c.Margin))
	}
	if r := room(st, most-maxFOpts); d.starving(now) && r >= align {
		write = min(write, r) // a smaller room is too small for any Write
	}
	full := !st.Updating && h.airtime.Exhausted(now)
	if full {
		h.stats.Deferred.Add(1)
	}
	return update.Limits{Payload: most, Write: uint32(write), NoStart: full, Align: uint32(align)}, nil
}

// most returns how many bytes a downlink may have after the last uplink.
func (h *Handler) most(d *device, rules *region.Region, now time.Time) (int, error) {
	most, err := rules.MaxDownlink(d.last.DR)
	if err != nil {
		return 0, err
	}
	if own := d.last.Overrides.MaxPayload; own > 0 {
		most = min(most, own)
	}
	return d.limit(d.last.DR, most, now), nil
}

// room returns how many firmware bytes fit the Write that a Status asks for. The
// version of an update that has not begun is not known here: it is taken to be as long
// as the version that runs.
func room(st *dfu.Status, payload int) int {
	cmd := dfu.Command{Op: dfu.OpWrite, Version: st.Version, CorrelationID: st.CorrelationID}
	if st.Updating {
		cmd.Version, cmd.Offset = st.Update.Version, st.Update.Offset
	}
	return max(0, cmd.MaxData(payload))
}

// send makes a downlink of a Command and notes that the downlink is queued.
func (h *Handler) send(d *device, cmd dfu.Command, rules *region.Region, now time.Time) event.Downlink {
	cmd.Poll = 0 // LoRaWAN devices keep their own pace
	dl := h.reply(d, cmd, rules, now)
	d.queue.Put(queue.Item{
		ID: dl.ID, Op: cmd.Op, Version: slices.Clone(cmd.Version), Offset: cmd.Offset, Size: len(dl.Payload),
	}, now)
	if cmd.Op == dfu.OpWrite {
		h.stats.Chunk(len(cmd.Data))
	}
	return dl
}

// probe returns a Wait that is queued behind the last downlink.
func (h *Handler) probe(d *device, rules *region.Region, now time.Time) event.Downlink {
	h.stats.Probes.Add(1)
	dl := h.reply(d, dfu.Command{Op: dfu.OpWait}, rules, now)
	d.queue.PutProbe(dl.ID)
	return dl
}

// reply returns the downlink with a Command, on the FPort of the Status.
func (h *Handler) reply(d *device, cmd dfu.Command, rules *region.Region, now time.Time) event.Downlink {
	h.stats.Requests.Count(statuses, int(cmd.Op))
	dl := h.downlink(d, d.last.FPort, cmd.Append(make([]byte, 0, cmd.Len())), rules, now)
	dl.Replace = h.cfg.Server.replaces()
	return dl
}

// downlink returns a downlink to the device, and counts its time on the air.
func (h *Handler) downlink(
	d *device, fPort uint8, payload []byte, rules *region.Region, now time.Time,
) event.Downlink {
	dl := event.Downlink{Device: d.last.Device, ID: event.NewDownlinkID(), FPort: fPort, Payload: payload}
	if h.expires {
		dl.Expires = d.queue.Expiry(now)
	}
	if dr, err := rules.DownlinkDR(d.last.DR); err == nil {
		if airtime, err := rules.DownlinkAirtime(dr, len(payload)); err == nil {
			h.stats.Airtime.Add(int64(airtime))
			h.airtime.Spend(airtime, now)
		}
	}
	return dl
}
