package coap

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	codec "havn/coap/message"
	"havn/front"
	"havn/telemetry"
)

// cloud takes telemetry, and has commands for one device at most.
type cloud struct {
	mu       sync.Mutex
	away     error
	taken    []string // APPLICATION/DEVICE CHANNEL TYPE PAYLOAD
	commands []telemetry.Command
	asked    []string // APPLICATION/DEVICE
}

func (c *cloud) upstream() telemetry.Upstream {
	return telemetry.Upstream{Telemetry: c.telemetry, Commands: c.command}
}

func (c *cloud) telemetry(application, device, channel, contentType string, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away == nil {
		c.taken = append(c.taken,
			fmt.Sprintf("%s/%s %s %s %q", application, device, channel, contentType, payload))
	}
	return c.away
}

func (c *cloud) command(application, device string) (name string, payload []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, application+"/"+device)
	if len(c.commands) == 0 {
		return "", nil, false
	}
	next := c.commands[0]
	c.commands = c.commands[1:]
	return next.Name, next.Payload, true
}

func format(n uint16) opt {
	return opt{message.ContentFormat, string(bytes.TrimLeft([]byte{byte(n >> 8), byte(n)}, "\x00"))}
}

func TestTelemetry(t *testing.T) {
	d := query("device=d")
	tests := []struct {
		name    string
		channel string
		payload string
		options []opt
		want    string
	}{
		{"no format, JSON", "sensor", `{"t":1}`, []opt{d}, `edge/d sensor application/json "{\"t\":1}"`},
		{"no format, none", "sensor", "21 C", []opt{d}, `edge/d sensor application/octet-stream "21 C"`},
		{"empty", "sensor", "", []opt{d}, `edge/d sensor application/octet-stream ""`},
		{"text", "sensor", "1", []opt{d, format(0)}, `edge/d sensor text/plain; charset=utf-8 "1"`},
		{"octets", "sensor", "1", []opt{d, format(42)}, `edge/d sensor application/octet-stream "1"`},
		{"JSON", "sensor", "1", []opt{d, format(50)}, `edge/d sensor application/json "1"`},
		{"CBOR", "sensor", "1", []opt{d, format(60)}, `edge/d sensor application/cbor "1"`},
		{"SenML JSON", "sensor", "[]", []opt{d, format(110)}, `edge/d sensor application/json "[]"`},
		{"SenML CBOR", "sensor", "1", []opt{d, format(112)}, `edge/d sensor application/senml+cbor "1"`},
		{"SenML EXI", "sensor", "1", []opt{d, format(114)}, `edge/d sensor application/senml-exi "1"`},
		{"LwM2M", "sensor", "1", []opt{d, format(11542)}, `edge/d sensor application/vnd.oma.lwm2m+tlv "1"`},
		{"unknown", "sensor", "1", []opt{d, format(64999)}, `edge/d sensor application/octet-stream "1"`},
		{"application and as", "2", "1", []opt{query("application=a&device=gw&as=x&ct=30")}, `a/x 2 application/json "1"`},
		{"user", "a b é", "1", []opt{basicAuth("u@a:p")}, `a/u a b é application/json "1"`},
	}
	for _, tt := range tests {
		w := newWorld(t, Chunks{})
		m := w.ask(t, post("/v1/"+tt.channel, []byte(tt.payload), tt.options...))
		if m.code != codes.Changed || len(m.options) > 0 || len(m.payload) > 0 {
			t.Errorf("%s: %+v", tt.name, m)
		}
		if diff := cmp.Diff([]string{tt.want}, w.cloud.taken); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestTelemetryNotTaken: the device is told to come again, and may.
func TestTelemetryNotTaken(t *testing.T) {
	w := newWorld(t, Chunks{})
	in := post("/v1/sensor", []byte("1"), query("device=d"))
	refused := func() {
		t.Helper()
		m := w.ask(t, in)
		age, _ := m.option(message.MaxAge)
		if m.code != codes.ServiceUnavailable || age != "\x3c" {
			t.Errorf("%v, Max-Age %x", m.code, age)
		}
		checkDiagnostic(t, m, "not taken")
	}
	w.cloud.away = errors.New("nobody accepts it")
	w.cloud.commands = []telemetry.Command{{Name: "reboot"}}
	refused()
	if len(w.cloud.asked) > 0 {
		t.Error("a command was taken for a message that was not")
	}
	if !strings.Contains(w.log.String(), "app=edge device=d error=\"nobody accepts it\"") {
		t.Errorf("log: %s", w.log)
	}
	w.cloud.away = nil
	if m := w.ask(t, in); m.code != codes.Content {
		t.Errorf("later: %v", m.code)
	}
	w.handler.upstream = telemetry.Upstream{}
	in.mid++
	refused()
}

// TestCommand has what a command looks like that comes back.
func TestCommand(t *testing.T) {
	payload := func(n int) []byte { return bytes.Repeat([]byte("p"), n) }
	long := strings.Repeat("n", 255)
	const most = codec.MaxSize - codec.HeaderSize - len(testToken) - 1
	tests := []struct {
		name     string
		commands []telemetry.Command
		more     []opt
		want     string // name of the command that comes; empty = 2.04
		unfit    uint64
	}{
		{"none", nil, nil, "", 0},
		{"short", []telemetry.Command{{Name: "set", Payload: []byte("on")}}, nil, "set", 0},
		{"the first of two", []telemetry.Command{{Name: "a"}, {Name: "b"}}, nil, "a", 0},
		{"13 bytes of name", []telemetry.Command{{Name: long[:13], Payload: payload(1)}}, nil, long[:13], 0},
		{"255 bytes of name", []telemetry.Command{{Name: long, Payload: payload(300)}}, nil, long, 0},
		{"256 bytes of name", []telemetry.Command{{Name: long + "n"}}, nil, "", 1},
		{"as long as can be", []telemetry.Command{{Name: "x", Payload: payload(most - 4)}}, nil, "x", 0},
		{"longer", []telemetry.Command{{Name: "x", Payload: payload(most - 3)}}, nil, "", 1},
		{"longer, then one that fits", []telemetry.Command{{Name: "x", Payload: payload(most)}, {Name: "b"}}, nil, "b", 1},
		{"one block", []telemetry.Command{{Name: "x", Payload: payload(32)}}, []opt{block2(0, 1)}, "x", 0},
		{"more than a block", []telemetry.Command{{Name: "x", Payload: payload(33)}}, []opt{block2(0, 1)}, "", 1},
		{"Block1", []telemetry.Command{{Name: "x", Payload: payload(9)}}, []opt{{message.Block1, "\x06"}}, "x", 0},
	}
	for _, tt := range tests {
		w := newWorld(t, Chunks{})
		w.cloud.commands = slices.Clone(tt.commands)
		more := append([]opt{query("application=app"), query("device=d")}, tt.more...)
		m := w.ask(t, post("/v1/sensor", []byte("1"), more...))
		name, isCommand := m.option(codec.OptionCommand)
		wantCode := codes.Changed
		if tt.want != "" {
			wantCode = codes.Content
		}
		if m.code != wantCode || isCommand != (tt.want != "") || name != tt.want {
			t.Errorf("%s: %v %q", tt.name, m.code, name)
		}
		for _, c := range tt.commands {
			if c.Name == name && !bytes.Equal(m.payload, c.Payload) {
				t.Errorf("%s: a payload of %d bytes", tt.name, len(m.payload))
			}
		}
		if _, typed := m.option(message.ContentFormat); typed {
			t.Errorf("%s: a Content-Format that nobody told", tt.name)
		}
		if b, ok := m.option(message.Block1); ok != (tt.name == "Block1") || (ok && b != "\x06") {
			t.Errorf("%s: Block1 %x", tt.name, b)
		}
		s := w.handler.Counts()
		if s.Rejected(front.BadCommand) != tt.unfit || (s.Commands.Load() == 1) != isCommand {
			t.Errorf("%s: %d unfit, %d handed out", tt.name, s.Rejected(front.BadCommand), s.Commands.Load())
		}
		if (tt.unfit > 0) != strings.Contains(w.log.String(), "app=app device=d command=") {
			t.Errorf("%s: log: %s", tt.name, w.log)
		}
		if slices.ContainsFunc(w.cloud.asked, func(s string) bool { return s != "app/d" }) {
			t.Errorf("%s: asked for %v", tt.name, w.cloud.asked)
		}
	}
}

// TestChannelsAreListed: clients add the channel.
func TestChannelsAreListed(t *testing.T) {
	w := newWorld(t, Chunks{})
	m := w.ask(t, get("/.well-known/core", query("rt=havn.telemetry")))
	if string(m.payload) != `</v1>;rt="havn.telemetry";if="havn.channel"` {
		t.Errorf("%s", m.payload)
	}
	if v := blockOf(t, w.ask(t, get("/.well-known/core", block2(0, 2)))); v != (block.Value{SZX: 2, M: true}) {
		t.Errorf("%+v", v)
	}
}
