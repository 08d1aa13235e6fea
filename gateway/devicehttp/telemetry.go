package devicehttp

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Types of bodies, as they are handed on.
const (
	typeJSON  = "application/json"
	typeBytes = "application/octet-stream"
)

// postTelemetry hands a message on, and takes a command that waits if the
// device awaits one.
func (x *exchange) postTelemetry(id identity, channel string, awaits bool, body []byte) error {
	contentType, err := mediaType(x.r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	h := x.h
	err = h.upstream.Telemetry(id.application, id.device, channel, contentType, body)
	if err != nil {
		h.complaints.warn(&h.complaints.upstream,
			"telemetry is not taken; devices are told to try later",
			slog.String("app", id.application), slog.String("device", id.device),
			slog.Any("error", err))
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	if awaits && h.upstream.Commands != nil {
		if name, payload, ok := h.upstream.Commands(id.application, id.device); ok {
			h.stats.Commands.Add(1)
			x.w.Header()[commandHeader] = []string{name}
			x.answer(http.StatusOK, payload)
			return nil
		}
	}
	x.answer(http.StatusAccepted, nil)
	return nil
}

// mediaType returns what a body is handed on as, given its Content-Type. What
// is said to be JSON must be; what has no type is JSON if it can be.
func mediaType(contentType string, body []byte) (string, error) {
	isJSON := strings.HasPrefix(contentType, typeJSON) ||
		strings.HasPrefix(contentType, "text/json") || strings.HasSuffix(contentType, "+json")
	if contentType != "" && !isJSON {
		return contentType, nil
	}
	switch {
	case utf8.Valid(body) && json.Valid(body):
		return typeJSON, nil
	case isJSON:
		return "", errRejected
	}
	return typeBytes, nil
}
