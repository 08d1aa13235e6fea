package jsonl

import (
	"encoding/json"
	"time"

	"havn/telemetry"
	"havn/upstream"
)

// line is the JSON of an event.
type line struct {
	Time        time.Time       `json:"time"`
	Application string          `json:"application"`
	Device      string          `json:"device"`
	Kind        string          `json:"kind"`              // transition, progress or telemetry
	Channel     string          `json:"channel,omitempty"` // of telemetry
	ContentType string          `json:"content_type,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"` // the body, where it is JSON
	DataBase64  []byte          `json:"data_base64,omitempty"`
}

// lineOf returns what is written of e, with its line break.
func lineOf(e *upstream.Event) ([]byte, error) {
	contentType, body, err := e.Body()
	if err != nil {
		return nil, err
	}
	l := line{
		Time: e.Time, Application: e.Device.Application, Device: e.Device.Name, Kind: e.Kind.String(),
		Channel: e.Channel, ContentType: contentType,
	}
	if contentType == telemetry.TypeJSON && json.Valid(body) {
		l.Data = body
	} else {
		l.DataBase64 = body
	}
	text, err := json.Marshal(l)
	return append(text, '\n'), err
}
