package telemetry

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Upstream is where telemetry goes and commands come from. Its functions are
// called by many goroutines at once and must not wait for a network.
type Upstream struct {
	// Telemetry takes what a device sends on a channel; payload is only lent.
	// contentType is as MediaType returns it. After an error the device is told to
	// try later. Nil: there is nobody to take it.
	Telemetry func(application, device, channel, contentType string, payload []byte) error
	// Commands takes the oldest command that waits for a device out of its queue.
	// Nil: there never is one.
	Commands func(application, device string) (name string, payload []byte, ok bool)
}

// maxChannel bounds the names of channels, bytes: a Uri-Path is not longer.
const maxChannel = 255

// ValidChannel reports whether s can be a channel: a level of an MQTT topic,
// which has no separator and no wildcard in it.
func ValidChannel(s string) bool {
	return s != "" && len(s) <= maxChannel && utf8.ValidString(s) && !strings.ContainsAny(s, "/+#\x00")
}

// Types of payloads, as they are handed on.
const (
	TypeJSON  = "application/json"
	TypeBytes = "application/octet-stream"
)

// ErrNotJSON: the type says JSON and the payload is none.
var ErrNotJSON = errors.New("the Content-Type is JSON, the body is not")

// MediaType returns what a payload is handed on as, given the type its device
// says it has. What is said to be JSON must be, or it is ErrNotJSON; what has no
// type is JSON if it can be, and bytes otherwise.
func MediaType(said string, payload []byte) (string, error) {
	isJSON := strings.HasPrefix(said, TypeJSON) ||
		strings.HasPrefix(said, "text/json") || strings.HasSuffix(said, "+json")
	if said != "" && !isJSON {
		return said, nil
	}
	switch {
	case utf8.Valid(payload) && json.Valid(payload):
		return TypeJSON, nil
	case isJSON:
		return "", ErrNotJSON
	}
	return TypeBytes, nil
}
