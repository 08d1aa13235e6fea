package telemetry

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Upstream takes telemetry and has the commands for devices. Its functions are called
// concurrently, and must not wait for a network.
type Upstream struct {
	// Telemetry takes a message of a device on a channel. It must not keep payload.
	// contentType is one that MediaType returns. An error means that the message was
	// not taken. Nil: no upstream takes telemetry.
	Telemetry func(application, device, channel, contentType string, payload []byte) error
	// Commands removes the oldest command that waits for a device, and returns it. Nil:
	// there are no commands.
	Commands func(application, device string) (name string, payload []byte, ok bool)
}

// maxChannel is the longest name of a channel, bytes: that of a Uri-Path.
const maxChannel = 255

// ValidChannel reports whether s can be a channel: one level of an MQTT topic, without a
// wildcard.
func ValidChannel(s string) bool {
	return s != "" && len(s) <= maxChannel && utf8.ValidString(s) && !strings.ContainsAny(s, "/+#\x00")
}

// The types of payloads that name themselves.
const (
	TypeJSON  = "application/json"
	TypeBytes = "application/octet-stream"
)

// ErrNotJSON: the content type is one of JSON, and the payload is not JSON.
var ErrNotJSON = errors.New("the Content-Type is JSON, the body is not")

// MediaType returns the content type with which a payload is handed on; said is the type
// that its device gave. A type of JSON becomes TypeJSON, and MediaType fails with
// ErrNotJSON if the payload is not JSON. Without a type, the payload has TypeJSON if it is
// JSON, else TypeBytes. All other types stay.
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
