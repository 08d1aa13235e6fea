package drogue

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/upstream/drogue/droguetest"
)

// overHTTP makes the endpoint an HTTP one.
func (w *world) overHTTP() { w.cfg.Endpoints[0].URL = w.HTTPURL }

func TestPublish(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		t.Run(scheme, func(t *testing.T) {
			w := newWorld(t, droguetest.Options{})
			if scheme == "http" {
				w.overHTTP()
			}
			p, _, _ := w.publisher()
			published(t, p, "d1", `{"n":0}`)
			for i := range 5 {
				err := p.Publish(t.Context(), "app", "d1", "firmware", "application/cbor", []byte{byte(i)})
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
			if n := p.Stats().Published.Load(); n != 8 {
				t.Errorf("%d counted as published", n)
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
		p, _, _ := w.publisher()
		published(t, p, "d1", `{}`)
		for name, test := range map[string]struct {
			app, device, channel, contentType, payload string
			fault                                      int
			want                                       error
			says                                       string
		}{
			"not listed":   {"app", "alone", "c", "", "{}", 0, ErrDenied, `"gw" to spec.gatewaySelector.matchNames of device "alone"`},
			"no device":    {"app", "nobody", "c", "", "{}", 0, ErrDenied, `"nobody"`},
			"no JSON":      {"app", "d1", "c", "application/json", "{", 0, ErrRejected, "application/json"},
			"no endpoint":  {"other", "d1", "c", "", "{}", 0, ErrRejected, "upstream.drogue.endpoints"},
			"channel":      {"app", "d1", "a/b", "", "{}", 0, ErrRejected, "channel"},
			"no channel":   {"app", "d1", "", "", "{}", 0, ErrRejected, "channel"},
			"too large":    {"app", "d1", "c", "", strings.Repeat("x", 65<<10), 0, ErrRejected, "takes"},
			"queue full":   {"app", "d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 503}[scheme], ErrAway, "event of app/d1 on c"},
			"strange":      {"app", "d1", "c", "", "{}", map[string]int{"mqtt": 0x99, "http": 400}[scheme], ErrRejected, ""},
			"internal":     {"app", "d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 500}[scheme], ErrAway, ""},
			"refused":      {"app", "d1", "c", "", "{}", map[string]int{"mqtt": 0x80, "http": 406}[scheme], ErrRejected, "rule"},
			"not our host": {"app", "d1", "c", "", "{}", map[string]int{"mqtt": 0x97, "http": 404}[scheme], ErrAway, ""},
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				if test.fault != 0 {
					w.Inject(kind, droguetest.Fault{Times: 1, Status: test.fault})
				}
				err := p.Publish(t.Context(), test.app, test.device, test.channel, test.contentType, []byte(test.payload))
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v, want %v that says %s", err, test.want, test.says)
				}
			})
		}
		published(t, p, "d1", `{"after":1}`)
		s := p.Stats()
		if s.Denied.Load() != 2 || s.Rejected.Load() != 7 || s.Away.Load() < 3 {
			t.Errorf("counted %d denied, %d rejected, %d away", s.Denied.Load(), s.Rejected.Load(), s.Away.Load())
		}
	}
}

func TestDeviceNames(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		w.PutDevice("app", "100%@home", gatewaySpec, nil)
		w.cfg.Endpoints[0].Device = "100%@home"
		for _, name := range []string{"a b", "a@b", "ü%41", "a&as=b"} {
			w.PutDevice("app", name, `{"gatewaySelector":{"matchNames":["100%@home"]}}`, nil)
		}
		w.PutDevice("app", "a/b", `{"gatewaySelector":{"matchNames":["100%@home"]}}`, nil)
		if scheme == "http" {
			w.overHTTP()
		}
		p, _, _ := w.publisher()
		for _, name := range []string{"a b", "a@b", "ü%41", "a&as=b"} {
			published(t, p, name, `{}`)
			if len(w.Events("app", name)) != 1 {
				t.Errorf("%s: nothing arrived for %q", scheme, name)
			}
		}
		err := p.Publish(t.Context(), "app", "a/b", "c", "", nil)
		if (err != nil) != (scheme == "mqtt") || (err != nil && !errors.Is(err, ErrRejected)) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{})
		w.cfg.Endpoints[0].PasswordFile = w.file("wrong", "nonsense")
		if scheme == "http" {
			w.overHTTP()
		}
		p, _, _ := w.publisher()
		eventually(t, func() error {
			err := p.Publish(t.Context(), "app", "gw", "c", "", nil)
			if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "password") {
				return fmt.Errorf("%s: %w", scheme, err)
			}
			return nil
		})
		if scheme == "http" {
			if err := p.Publish(t.Context(), "app", "d1", "c", "", nil); !errors.Is(err, ErrDenied) ||
				!strings.Contains(err.Error(), "password") {
				t.Error(err)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	p, commands, _ := w.publisher()
	published(t, p, "d1", `{}`)
	inbox(t, w)
	w.Command("app", "d1", "set-temp", []byte{1, 2})
	w.Command("app", "gw", "reboot", nil)
	w.PutDevice("app", "alone", `{}`, nil)
	w.Command("app", "alone", "not-ours", nil)
	w.Command("app", "d1", "last", nil)
	for _, want := range []Command{
		{"app", "d1", "set-temp", []byte{1, 2}}, {"app", "gw", "reboot", []byte{}}, {"app", "d1", "last", []byte{}},
	} {
		if diff := cmp.Diff(want, <-commands); diff != "" {
			t.Error(diff)
		}
	}
	for _, topic := range []string{"", "command/inbox", "command/inbox/", "command/inbox/d1", "command/inbox/d1/", "x/y/z"} {
		p.endpoints["app"].(*mqttEndpoint).receive(topic, nil)
	}
	if n := p.Stats().Commands.Load(); n != 3 {
		t.Errorf("%d commands counted", n)
	}
}

// inbox waits until a gateway listens for commands.
func inbox(t *testing.T, w *world) {
	t.Helper()
	was := w.Counters(droguetest.MQTT).Requests["Subscribe"]
	eventually(t, func() error {
		if w.Counters(droguetest.MQTT).Requests["Subscribe"] == 0 {
			return fmt.Errorf("not subscribed, %d", was)
		}
		return nil
	})
}
