package http

import (
	"fmt"
	"log/slog"
	"net/http"

	"havn/front"
	"havn/telemetry"
)

// postTelemetry hands a message on, and takes a command that waits if the
// device awaits one.
func (x *exchange) postTelemetry(id identity, channel string, awaits bool, body []byte) error {
	contentType, err := telemetry.MediaType(x.r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	h := x.h
	err = h.upstream.Telemetry(id.application, id.device, channel, contentType, body)
	if err != nil {
		if log := h.counts.Reject(front.Untaken); log != nil {
			log.Warn("http: telemetry is not taken; devices are told to try later",
				slog.String("app", id.application), slog.String("device", id.device), slog.Any("error", err))
		}
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	if awaits && h.upstream.Commands != nil {
		if name, payload, ok := h.upstream.Commands(id.application, id.device); ok {
			h.counts.Commands.Add(1)
			x.w.Header()[commandHeader] = []string{name}
			x.answer(http.StatusOK, payload)
			return nil
		}
	}
	x.answer(http.StatusAccepted, nil)
	return nil
}
