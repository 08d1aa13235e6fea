package topic

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	v3  = "application/{{ .ApplicationID }}/device/{{ .DevEUI }}/event/{{ .EventType }}"
	v4  = "application/{{application_id}}/device/{{dev_eui}}/event/{{event}}"
	old = "application/{{ .ApplicationID }}/device/{{ .DevEUI }}/rx"
	tts = "v3/{{application_id}}/devices/{{device_id}}/{{event}}"
)

func parse(t testing.TB, text string) Template {
	t.Helper()
	tmpl, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestMatch(t *testing.T) {
	tests := []struct {
		template, topic string
		want            Values
	}{
		{v3, "application/1/device/0102030405060708/event/up", Values{"1", "0102030405060708", "up"}},
		{v4, "application/1/device/0102030405060708/event/up", Values{"1", "0102030405060708", "up"}},
		{old, "application/1/device/0102030405060708/rx", Values{"1", "0102030405060708", ""}},
		{tts, "v3/app1@ttn/devices/dev1/up", Values{"app1@ttn", "dev1", "up"}},
		{tts, "v3/app1@ttn/devices/dev1/down/sent", Values{"app1@ttn", "dev1", "down/sent"}},
		{"eu/{{event}}/{{ .DevEUI }}", "eu/up/01", Values{"", "01", "up"}},
	}
	for _, tt := range tests {
		tmpl := parse(t, tt.template)
		if got, err := tmpl.Match(tt.topic); err != nil || got != tt.want {
			t.Errorf("%s: %+v %v", tt.topic, got, err)
		}
		if got, err := tmpl.Build(tt.want); err != nil || got != tt.topic {
			t.Errorf("built %s, want %s: %v", got, tt.topic, err)
		}
	}
}

func TestMatchRefuses(t *testing.T) {
	for _, topic := range []string{
		"", "/", "application", "application/1/device/01", "application/1/device/01/event",
		"application/1/device/01/event/", "application//device/01/event/up", "application/1/device//event/up",
		"gateway/1/device/01/event/up", "x/application/1/device/01/event/up",
	} {
		if v, err := parse(t, v3).Match(topic); !errors.Is(err, ErrTopic) {
			t.Errorf("%q: %+v %v", topic, v, err)
		}
	}
	for _, topic := range []string{"application/1/device/01/rx/2", "application/1/device/01/tx"} {
		if v, err := parse(t, old).Match(topic); !errors.Is(err, ErrTopic) {
			t.Errorf("%q: %+v %v", topic, v, err)
		}
	}
}

func TestFilters(t *testing.T) {
	events := []string{"up", "join"}
	tests := []struct {
		template     string
		applications []string
		want         []string
	}{
		{v4, nil, []string{"application/+/device/+/event/join", "application/+/device/+/event/up"}},
		{v3, []string{"7"}, []string{"application/7/device/+/event/join", "application/7/device/+/event/up"}},
		{old, nil, []string{"application/+/device/+/rx"}},
		{old, []string{"2", "1"}, []string{"application/1/device/+/rx", "application/2/device/+/rx"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, parse(t, tt.template).Filters(tt.applications, events)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "no {{dev_eui}}",
		"application/+/up":          "holds one of",
		"a/#":                       "holds one of",
		"app-{{dev_eui}}":           "whole level",
		"{{dev_eui":                 "whole level",
		"{{ .Gateway }}":            "unknown placeholder",
		"{{dev_eui}}/{{ .DevEUI }}": "names twice",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, v := range []Values{
		{}, {Device: "01"}, {Application: "1"}, {Application: "1", Device: "+"}, {Application: "#", Device: "01"},
		{Application: "1/2", Device: "01"}, {Application: "1", Device: "0\x001"},
	} {
		if got, err := parse(t, v3).Build(v); !errors.Is(err, ErrTopic) {
			t.Errorf("%+v: %q %v", v, got, err)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, tmpl := range []string{v3, v4, old, tts} {
		topic, err := parse(f, tmpl).Build(Values{"1", "01", "up"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(tmpl, topic)
	}
	f.Fuzz(func(t *testing.T, text, topic string) {
		tmpl, err := Parse(text)
		if err != nil {
			return
		}
		v, err := tmpl.Match(topic)
		if err != nil {
			return
		}
		if again, err := tmpl.Build(v); err == nil && again != topic {
			t.Errorf("%q built as %q from %+v", topic, again, v)
		}
	})
}
