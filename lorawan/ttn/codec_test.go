package ttn

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/lorawan/topic"
)

const prefix = "v3/meters@ttn/devices/meter-7/"

var (
	meter = event.Device{
		EUI:         event.DevEUI{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1},
		Application: "meters@ttn", ApplicationName: "meters", Name: "meter-7",
	}
	item = event.DownlinkID{
		0x36, 0xc7, 0xe3, 0xc4, 0x44, 0x01, 0x4b, 0x8d, 0x93, 0x86, 0xa5, 0xc9, 0x02, 0xf9, 0x20, 0x2d,
	}
	tooLong = event.Error{
		Device: meter, Reason: event.ReasonOversize, ID: item, FCnt: 12, MaxPayload: 51,
		Text: "application_downlink_too_long: application downlink payload length `242` exceeds maximum '51'",
	}
)

func codec(t testing.TB, name string) *Codec {
	t.Helper()
	r, err := region.New(region.Config{Region: name})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{}, r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events is a sample of each kind, with the topic it comes on.
var events = []struct {
	sample, topic string
	want          event.Event
}{
	{"up", "up", event.Uplink{
		Device: meter, FPort: 223, DR: 5, Confirmed: true, Payload: []byte{0xa2, 0, 0x41, 0xff},
		Overrides: event.Overrides{RX1DROffset: dfu.Some(3), Align: 8},
	}},
	{"up_fsk", "up", event.Uplink{
		Device: meter, FPort: 223, FCnt: 7, DR: 7, Payload: []byte{0xa2, 0, 0x41, 0xff},
	}},
	{"up_simulated", "up", event.Other{Device: meter, Kind: "simulated uplink"}},
	{"join", "join", event.Joined{Device: meter}},
	{"sent", "down/sent", event.TxAck{Device: meter, ID: item, FCnt: 12}},
	{"ack", "down/ack", event.Ack{Device: meter, ID: item, FCnt: 12, Acknowledged: true}},
	{"nack", "down/nack", event.Ack{Device: meter, ID: item, FCnt: 12}},
	{"failed", "down/failed", tooLong},
	{"failed_text", "down/failed", tooLong}, // as version 3.32 writes the limit
	{"failed_cause", "down/failed", tooLong},
	{"failed_gateway", "down/failed", event.Error{
		Device: meter, Reason: event.ReasonGateway, ID: item, FCnt: 12,
		Text: "transmission: downlink transmission failed with result `TOO_LATE`",
	}},
}

func TestDecode(t *testing.T) {
	c := codec(t, "EU868")
	for _, e := range events {
		got, err := c.Decode(prefix+e.topic, sample(t, e.sample))
		if err != nil {
			t.Errorf("%s: %v", e.sample, err)
		} else if diff := cmp.Diff(e.want, got); diff != "" {
			t.Errorf("%s:\n%s", e.sample, diff)
		}
	}
}

func TestEncrypted(t *testing.T) {
	got, err := codec(t, "EU868").Decode(prefix+"up", sample(t, "up_encrypted"))
	u, ok := got.(event.Uplink)
	if err != nil || !ok || !errors.Is(u.Refused, event.ErrEncrypted) || u.Payload != nil {
		t.Errorf("%+v %v", got, err)
	}
}

// TestDataRates: the same modulation is another data rate in another region,
// or none.
func TestDataRates(t *testing.T) {
	for name, want := range map[string]int{"US915": 4, "AU915": 6} {
		got, err := codec(t, name).Decode(prefix+"up", sample(t, "up_us915"))
		if u, ok := got.(event.Uplink); err != nil || !ok || u.DR != want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	got, err := codec(t, "EU868").Decode(prefix+"up", sample(t, "up_us915"))
	if !errors.Is(err, region.ErrDataRate) || !strings.Contains(err.Error(), "meter-7") {
		t.Errorf("EU868: %+v %v", got, err)
	}
}

func TestOther(t *testing.T) {
	for _, kind := range []string{"down/queued", "down/invalidated", "service/data", "location/solved", "up/normalized"} {
		got, err := codec(t, "EU868").Decode(prefix+kind, []byte("not read"))
		want := event.Other{Device: event.Device{Application: "meters@ttn", Name: "meter-7"}, Kind: kind}
		if err != nil || got != event.Event(want) {
			t.Errorf("%s: %+v %v", kind, got, err)
		}
	}
}

// TestOpenSource: the open source build has no tenants, and an ABP device may
// have no DevEUI.
func TestOpenSource(t *testing.T) {
	payload := strings.Replace(string(sample(t, "join")), `"dev_eui":"70B3D54990000001",`, "", 1)
	got, err := codec(t, "EU868").Decode("v3/meters/devices/meter-7/join", []byte(payload))
	want := event.Joined{Device: event.Device{Application: "meters", ApplicationName: "meters", Name: "meter-7"}}
	if err != nil || got != event.Event(want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	c, up := codec(t, "EU868"), string(sample(t, "up"))
	change := func(old, new string) string {
		t.Helper()
		if !strings.Contains(up, old) {
			t.Fatalf("no %s in the sample", old)
		}
		return strings.Replace(up, old, new, 1)
	}
	for name, payload := range map[string]string{
		"empty": "", "null": "null", "no fields": "{}", "garbage": "\x00\x01", "trailing": up + "}",
		"other device":      change(`"device_id":"meter-7"`, `"device_id":"meter-8"`),
		"other application": change(`"application_id":"meters"`, `"application_id":"doors"`),
		"DevEUI":            change(`"dev_eui":"70B3`, `"dev_eui":"zzzz`),
		"FPort":             change(`"f_port":223`, `"f_port":256`),
		"base64":            change(`"ogBB/w=="`, `"ogBB/w="`),
		"300 bytes":         change(`"ogBB/w=="`, `"`+strings.Repeat("AAAA", 100)+`"`),
		"other kind":        change(`"uplink_message"`, `"downlink_sent"`),
	} {
		if got, err := c.Decode(prefix+"up", []byte(payload)); !errors.Is(err, event.ErrMalformed) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	for _, name := range []string{"", "v3/meters@ttn/devices/meter-7", "v2/meters@ttn/devices/meter-7/up"} {
		if got, err := c.Decode(name, []byte(up)); !errors.Is(err, topic.ErrTopic) {
			t.Errorf("topic %q: %+v %v", name, got, err)
		}
	}
}

func TestPrefixes(t *testing.T) {
	c := codec(t, "EU868")
	for _, e := range events {
		whole := strings.TrimSpace(string(sample(t, e.sample)))
		for i := range whole {
			if got, err := c.Decode(prefix+e.topic, []byte(whole[:i])); !errors.Is(err, event.ErrMalformed) {
				t.Fatalf("%s: %d bytes: %+v %v", e.sample, i, got, err)
			}
		}
	}
}

func TestTemplates(t *testing.T) {
	r, err := region.New(region.Config{Region: "EU868"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Events: "ttn/{{device_id}}/up", Commands: "ttn/{{device_id}}/{{command}}"}, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode("ttn/meter-7/up", sample(t, "up"))
	if u, ok := got.(event.Uplink); err != nil || !ok || u.Application != "meters" {
		t.Errorf("%+v %v", got, err)
	}
	if name, _, err := c.Encode(toMeter()); err != nil || name != "ttn/meter-7/down/push" {
		t.Errorf("%s %v", name, err)
	}
	for _, bad := range []Config{{Events: "a/+"}, {Commands: "a"}} {
		if _, err := New(bad, r); err == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
}

func TestFilters(t *testing.T) {
	want := []string{
		"v3/meters@ttn/devices/+/down/ack", "v3/meters@ttn/devices/+/down/failed",
		"v3/meters@ttn/devices/+/down/nack", "v3/meters@ttn/devices/+/down/sent",
		"v3/meters@ttn/devices/+/join", "v3/meters@ttn/devices/+/up",
	}
	if diff := cmp.Diff(want, codec(t, "EU868").Filters([]string{"meters@ttn"})); diff != "" {
		t.Error(diff)
	}
}

func toMeter() event.Downlink {
	return event.Downlink{Device: meter, ID: item, FPort: 223, Payload: []byte{0xa1, 3, 0xff}}
}

func TestEncode(t *testing.T) {
	c, d := codec(t, "EU868"), toMeter()
	name, payload, err := c.Encode(d)
	if err != nil || name != prefix+"down/push" {
		t.Errorf("%s %v", name, err)
	}
	want := `{"downlinks":[{"f_port":223,"frm_payload":"oQP/","priority":"NORMAL",` +
		`"correlation_ids":["havn:36c7e3c4-4401-4b8d-9386-a5c902f9202d"]}]}`
	if string(payload) != want {
		t.Errorf("%s", payload)
	}
	d.Replace, d.Confirmed, d.ID = true, true, event.NewDownlinkID()
	name, again, err := c.Encode(d)
	if err != nil || name != prefix+"down/replace" || !strings.Contains(string(again), `"confirmed":true`) {
		t.Errorf("%s %s %v", name, again, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	d := toMeter()
	d.Device.Name = "meter/7"
	if _, _, err := codec(t, "EU868").Encode(d); !errors.Is(err, topic.ErrTopic) {
		t.Error(err)
	}
	d = toMeter()
	d.Payload = nil
	if _, _, err := codec(t, "EU868").Encode(d); !errors.Is(err, event.ErrDownlink) {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	c := codec(f, "EU868")
	for _, e := range events {
		f.Add(prefix+e.topic, sample(f, e.sample))
	}
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		ev, err := c.Decode(name, payload)
		if (err == nil) == (ev == nil) {
			t.Fatalf("%+v and %v", ev, err)
		}
		switch ev := ev.(type) {
		case event.Uplink:
			if len(ev.Payload) > event.MaxPayload || ev.DR < 0 || ev.DR > 11 {
				t.Errorf("%+v", ev)
			}
		case event.Error:
			if ev.MaxPayload < 0 || ev.MaxPayload > event.MaxPayload {
				t.Errorf("%+v", ev)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	c, payload := codec(b, "EU868"), sample(b, "up")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Decode(prefix+"up", payload); err != nil {
			b.Fatal(err)
		}
	}
}
