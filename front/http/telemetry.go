package http

import (
	"fmt"
	"log/slog"
	"net/http"

	"havn/dfu"
	"havn/front"
	"havn/telemetry"
)

// postTelemetry hands a message on, and takes a command that waits if the
// device awaits one.
func (x *exchange) postTelemetry(id dfu.Device, channel string, awaits bool, body []byte) error {
	contentType, err := telemetry.MediaType(x.r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	h := x.h
	err = h.upstream.Telemetry(id.Application, id.Name, channel, contentType, body)
	if err != nil {
		if log := h.counts.Reject(front.Untaken); log != nil {
			log.Warn("http: telemetry is not taken; devices are told to try later",
				slog.String("app", id.Application), slog.String("device", id.Name), slog.Any("error", err))
		}
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	if awaits && h.upstream.Commands != nil {
		if name, payload, ok := h.upstream.Commands(id.Application, id.Name); ok {
			h.counts.Commands.Add(1)
			x.w.Header()[commandHeader] = []string{name}
			x.answer(http.StatusOK, payload)
			return nil
		}
	}
	x.answer(http.StatusAccepted, nil)
	return nil
}
