package chirpstack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/lorawan/event"
)

func TestTemplates(t *testing.T) {
	c, err := NewV3(Config{
		Events:   "site/{{ .ApplicationID }}/{{ .DevEUI }}/rx",
		Commands: "site/{{ .ApplicationID }}/{{ .DevEUI }}/{{ .CommandType }}",
	})
	if err != nil {
		t.Fatal(err)
	}
	up := encodings(t)[0].sample(t, "up")
	got, err := c.Decode("site/1/"+eui+"/rx", up)
	if _, ok := got.(event.Uplink); !ok || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	name, _, err := c.Encode(downlink(got.From()))
	if name != "site/1/"+eui+"/down" || err != nil {
		t.Errorf("%s %v", name, err)
	}
	if diff := cmp.Diff([]string{"site/1/+/rx"}, c.Filters([]string{"1"})); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []Config{{Events: "a/+"}, {Commands: "{{ .Nothing }}"}} {
		if _, err := NewV4(bad); err == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
}

// TestOldTopic: before 3.11 an uplink was an rx.
func TestOldTopic(t *testing.T) {
	e := encodings(t)[0]
	got, err := e.codec.Decode(strings.Replace(e.topic("up"), "/up", "/rx", 1), e.sample(t, "up"))
	if _, ok := got.(event.Uplink); !ok || err != nil {
		t.Errorf("%+v %v", got, err)
	}
}

func TestFilters(t *testing.T) {
	e := encodings(t)
	want := []string{
		"application/+/device/+/event/ack", "application/+/device/+/event/error", "application/+/device/+/event/join",
		"application/+/device/+/event/txack", "application/+/device/+/event/up",
	}
	if diff := cmp.Diff(want, e[0].codec.Filters(nil)); diff != "" {
		t.Error(diff)
	}
	if got := e[3].codec.Filters([]string{uuid}); got[2] != "application/"+uuid+"/device/+/event/log" {
		t.Error(got)
	}
}
