package endpoint

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/link/linktest"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

func TestPublish(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		t.Run(scheme, func(t *testing.T) {
			w := newWorld(t, droguetest.Options{})
			if scheme == "http" {
				w.overHTTP()
			}
			p, _, _ := w.endpoint()
			published(t, p, "d1", `{"n":0}`)
			for i := range 5 {
				err := p.send(t.Context(), message{"d1", "firmware", "application/cbor", []byte{byte(i)}})
				if err != nil {
					t.Fatal(err)
				}
			}
			published(t, p, "", `{"own":1}`)
			published(t, p, "gw", `{"own":2}`)
			var got []string
			for _, e := range w.Events("app", "d1") {
				got = append(got, fmt.Sprintf("%s %s %s %x", e.Sender, e.Subject, e.ContentType, e.Data))
			}
			want := []string{"gw firmware application/json 7b226e223a307d"}
			for i := range 5 {
				want = append(want, fmt.Sprintf("gw firmware application/cbor %02x", i))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(w.Events("app", "gw")); n != 2 {
				t.Errorf("%d own events", n)
			}
		})
	}
}

func TestPublishRefusals(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		w.PutDevice("app", "alone", `{}`, nil)
		kind := droguetest.MQTT
		if scheme == "http" {
			w.overHTTP()
			kind = droguetest.HTTP
		}
		p, _, _ := w.endpoint()
		published(t, p, "d1", `{}`)
		for name, test := range map[string]struct {
			device, channel, contentType, payload string
			fault                                 int
			want                                  error
			says                                  string
		}{
			"not listed":   {"alone", "c", "", "{}", 0, drogue.ErrDenied, `"gw" to spec.gatewaySelector.matchNames of device "alone"`},
			"no device":    {"nobody", "c", "", "{}", 0, drogue.ErrDenied, `"nobody"`},
			"no JSON":      {"d1", "c", "application/json", "{", 0, upstream.ErrRejected, "application/json"},
			"channel":      {"d1", "a/b", "", "{}", 0, upstream.ErrRejected, "channel"},
			"no channel":   {"d1", "", "", "{}", 0, upstream.ErrRejected, "channel"},
			"too large":    {"d1", "c", "", strings.Repeat("x", 65<<10), 0, upstream.ErrRejected, "takes"},
			"queue full":   {"d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 503}[scheme], drogue.ErrAway, ""},
			"strange":      {"d1", "c", "", "{}", map[string]int{"mqtt": 0x99, "http": 400}[scheme], upstream.ErrRejected, ""},
			"internal":     {"d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 500}[scheme], drogue.ErrAway, ""},
			"refused":      {"d1", "c", "", "{}", map[string]int{"mqtt": 0x80, "http": 406}[scheme], upstream.ErrRejected, "rule"},
			"not our host": {"d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 404}[scheme], drogue.ErrAway, ""},
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				if test.fault != 0 {
					w.Inject(kind, wire.Fault{Times: 1, Status: test.fault})
				}
				err := p.send(t.Context(), message{test.device, test.channel, test.contentType, []byte(test.payload)})
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v, want %v that says %s", err, test.want, test.says)
				}
			})
		}
		published(t, p, "d1", `{"after":1}`)
	}
}

func TestDeviceNames(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		w.PutDevice("app", "100%@home", gatewaySpec, nil)
		w.cfg.Device = "100%@home"
		for _, name := range []string{"a b", "a@b", "ü%41", "a&as=b"} {
			w.PutDevice("app", name, `{"gatewaySelector":{"matchNames":["100%@home"]}}`, nil)
		}
		w.PutDevice("app", "a/b", `{"gatewaySelector":{"matchNames":["100%@home"]}}`, nil)
		if scheme == "http" {
			w.overHTTP()
		}
		p, _, _ := w.endpoint()
		for _, name := range []string{"a b", "a@b", "ü%41", "a&as=b"} {
			published(t, p, name, `{}`)
			if len(w.Events("app", name)) != 1 {
				t.Errorf("%s: nothing arrived for %q", scheme, name)
			}
		}
		err := p.send(t.Context(), message{"a/b", "c", "", nil})
		if (err != nil) != (scheme == "mqtt") || (err != nil && !errors.Is(err, upstream.ErrRejected)) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		w.cfg.PasswordFile = w.file("wrong", "nonsense")
		if scheme == "http" {
			w.overHTTP()
		}
		p, _, _ := w.endpoint()
		linktest.Eventually(t, func() error {
			err := p.send(t.Context(), message{"gw", "c", "", nil})
			if !errors.Is(err, drogue.ErrAway) || !strings.Contains(err.Error(), "password") {
				return fmt.Errorf("%s: %w", scheme, err)
			}
			return nil
		})
		if scheme == "http" {
			if err := p.send(t.Context(), message{"d1", "c", "", nil}); !errors.Is(err, drogue.ErrDenied) ||
				!strings.Contains(err.Error(), "password") {
				t.Error(err)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	e, commands, _ := w.endpoint()
	published(t, e, "d1", `{}`)
	inbox(t, w)
	w.PutDevice("app", "alone", `{}`, nil)
	for _, c := range []struct{ device, name, payload string }{
		{"d1", "set-temp", "21"}, {"gw", "reboot", ""}, {"alone", "not-ours", ""}, {"d1", "dfu", "chunk"}, {"d1", "last", ""},
	} {
		w.Command("app", c.device, c.name, []byte(c.payload))
	}
	for _, want := range []string{"app/d1 set-temp 21", "app/d1 last "} {
		if got := <-commands; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, topic := range []string{"", "command/inbox", "command/inbox/", "command/inbox/d1", "command/inbox/d1/", "x/y/z"} {
		e.way.(*mqttWay).receive(topic, nil)
	}
	if s := e.Stats(); s.Commands.Load() != 4 || s.Foreign.Load() != 1 {
		t.Errorf("%d commands counted, %d foreign", s.Commands.Load(), s.Foreign.Load())
	}
}

// TestEvents: what the forwarder hands over goes out as the device, on the channel
// it is for.
func TestEvents(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.overHTTP()
	e, _, _ := w.endpoint()
	d := dfu.Device{Application: "app", Name: "d1"}
	told := upstream.Event{Kind: upstream.Transition, Device: d, Status: status.Status{State: status.InSync}}
	hot := upstream.Event{Kind: upstream.Telemetry, Device: d, Channel: "heat", ContentType: "text/plain", Payload: []byte("21")}
	for _, ev := range []upstream.Event{told, hot} {
		if err := e.Publish(t.Context(), &ev); err != nil || !e.Accepts(&ev) {
			t.Error(err)
		}
	}
	var got []string
	for _, ev := range w.Events("app", "d1") {
		got = append(got, ev.Subject+" "+ev.ContentType)
	}
	if diff := cmp.Diff([]string{"firmware application/json", "heat text/plain"}, got); diff != "" {
		t.Error(diff)
	}
	hot.Channel = "a/b"
	err := e.Publish(t.Context(), &hot)
	if !errors.Is(err, upstream.ErrRejected) || !strings.Contains(err.Error(), "event of app/d1 on a/b") {
		t.Error(err)
	}
	if hot.Device.Application = "other"; e.Accepts(&hot) {
		t.Error("an event of another application is accepted")
	}
}

// inbox waits until a gateway listens for commands.
func inbox(t *testing.T, w *world) {
	t.Helper()
	was := w.Counters(droguetest.MQTT).Requests["Subscribe"]
	linktest.Eventually(t, func() error {
		if w.Counters(droguetest.MQTT).Requests["Subscribe"] == 0 {
			return fmt.Errorf("not subscribed, %d", was)
		}
		return nil
	})
}
