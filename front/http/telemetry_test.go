package http

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/telemetry"
)

func TestTelemetry(t *testing.T) {
	type message struct{ application, device, channel, contentType, payload string }
	tests := []struct {
		url, contentType, body string
		want                   message
	}{
		{"/v1/temp", "application/cbor", "\xa0", message{"edge", "dev", "temp", "application/cbor", "\xa0"}},
		{"/v1/temp", "text/plain; charset=utf-8", "{}", message{"edge", "dev", "temp", "text/plain; charset=utf-8", "{}"}},
		{"/v1/temp", "application/json", "[1]", message{"edge", "dev", "temp", telemetry.TypeJSON, "[1]"}},
		{"/v1/temp", "application/json; charset=utf-8", "1", message{"edge", "dev", "temp", telemetry.TypeJSON, "1"}},
		{"/v1/temp", "text/json", "1", message{"edge", "dev", "temp", telemetry.TypeJSON, "1"}},
		{"/v1/temp", "application/senml+json", "[]", message{"edge", "dev", "temp", telemetry.TypeJSON, "[]"}},
		{"/v1/temp", "", `{"t":1}`, message{"edge", "dev", "temp", telemetry.TypeJSON, `{"t":1}`}},
		{"/v1/temp", "", "{t", message{"edge", "dev", "temp", telemetry.TypeBytes, "{t"}},
		{"/v1/temp", "", "\"\xff\"", message{"edge", "dev", "temp", telemetry.TypeBytes, "\"\xff\""}},
		{"/v1/temp", "", "", message{"edge", "dev", "temp", telemetry.TypeBytes, ""}},
		{"/v1/temp/sub/path", "", "1", message{"edge", "dev", "temp", telemetry.TypeJSON, "1"}},
		{"/v1/DFU", "", "1", message{"edge", "dev", "DFU", telemetry.TypeJSON, "1"}},
		{"/v1/a%20b%C3%A9?as=child&ct=30", "", "1", message{"edge", "child", "a bé", telemetry.TypeJSON, "1"}},
	}
	for _, tt := range tests {
		var got []message
		w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{
			Telemetry: func(application, device, channel, contentType string, payload []byte) error {
				got = append(got, message{application, device, channel, contentType, string(payload)})
				return nil
			}})
		resp := w.post(tt.url, []byte(tt.body), "Content-Type", tt.contentType)
		if resp.StatusCode != 202 || len(read(t, resp)) != 0 || resp.Header.Get("Content-Length") != "0" {
			t.Errorf("%+v: %d", tt, resp.StatusCode)
		}
		if diff := cmp.Diff([]message{tt.want}, got, cmp.AllowUnexported(message{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.url, diff)
		}
	}
}

func TestCommands(t *testing.T) {
	var order []string
	var full error
	waiting := []string{"first", "second"}
	up := telemetry.Upstream{
		Telemetry: func(_, device, _, _ string, _ []byte) error {
			order = append(order, "telemetry of "+device)
			return full
		},
		Commands: func(application, device string) (string, []byte, bool) {
			order = append(order, "commands of "+device+"@"+application)
			if len(waiting) == 0 {
				return "", nil, false
			}
			name := waiting[0]
			waiting = waiting[1:]
			return name, []byte("payload of " + name), true
		},
	}
	w := newWorld(t, blinky, Chunks{}, up)
	ask := func(url string, code int, command string) {
		t.Helper()
		resp := w.post(url, nil)
		var name, body string
		if command != "" {
			name, body = command, "payload of "+command
		}
		if got := read(t, resp); resp.StatusCode != code || string(got) != body ||
			strings.Join(map[string][]string(resp.Header)["command"], "") != name || resp.Header.Get("Content-Type") != "" {
			t.Errorf("%s: %d %s %v", url, resp.StatusCode, got, resp.Header)
		}
	}
	ask("/v1/temp", 202, "")
	ask("/v1/temp?ct=0", 202, "")
	full = errFull
	ask("/v1/temp?ct=30", 503, "")
	full = nil
	ask("/v1/temp?ct=30", 200, "first")
	ask("/v1/temp?ct=30&as=child", 200, "second")
	ask("/v1/temp?ct=30", 202, "")
	want := slices.Concat(slices.Repeat([]string{"telemetry of dev"}, 4), []string{
		"commands of dev@edge", "telemetry of child", "commands of child@edge",
		"telemetry of dev", "commands of dev@edge",
	})
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if n := w.Counts().Commands.Load(); n != 2 {
		t.Errorf("%d commands", n)
	}
	if !strings.Contains(w.log.String(), errFull.Error()) {
		t.Errorf("log: %s", w.log)
	}
}
