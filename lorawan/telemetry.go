package lorawan

import (
	"errors"
	"strconv"

	"havn/front"
	"havn/lorawan/event"
	"havn/telemetry"
)

// pass hands on telemetry. The channel is the FPort. A frame without an FPort or a
// payload is no telemetry.
func (h *Handler) pass(up *event.Uplink) {
	switch {
	case up.FPort == 0:
		return
	case errors.Is(up.Refused, event.ErrEncrypted):
		h.reject(Encrypted, up.Device, up.Refused)
		return
	case len(up.Payload) == 0:
		return
	}
	h.stats.Requests.Count(channels, unanswered)
	if h.upstream.Telemetry == nil {
		return
	}
	err := h.upstream.Telemetry(h.cfg.Application, h.cfg.deviceName(up.Device),
		strconv.Itoa(int(up.FPort)), telemetry.TypeBytes, up.Payload)
	if err != nil {
		h.reject(front.Untaken, up.Device, err)
	}
}
