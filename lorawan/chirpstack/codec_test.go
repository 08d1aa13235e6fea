package chirpstack

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/topic"
)

const (
	numberID = "1"
	uuid     = "ca739e26-7b67-4f14-b69e-d568c22a5a75"
	eui      = "70b3d54990000001"
)

// encoding is one of the forms in which events come.
type encoding struct {
	name        string
	codec       *Codec
	application string
	failure     string // the topic of errors
	sample      func(testing.TB, string) []byte
}

func encodings(t testing.TB) []encoding {
	v3, err := NewV3(Config{})
	v4, err2 := NewV4(Config{})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return []encoding{
		{"json_v3", v3, numberID, eventError, file("json_v3")},
		{"json", v3, numberID, eventError, file("json")},
		{"protobuf", v3, numberID, eventError, protobuf},
		{"v4", v4, uuid, eventLog, file("v4")},
	}
}

// topic returns where an event of that sample comes on.
func (e encoding) topic(sample string) string {
	event, _, _ := strings.Cut(sample, "_")
	if event == "error" {
		event = e.failure
	}
	return "application/" + e.application + "/device/" + eui + "/event/" + event
}

func file(folder string) func(testing.TB, string) []byte {
	return func(t testing.TB, sample string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("testdata", folder, sample+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// protobuf converts a sample of the json marshaler with the message types of
// the server.
func protobuf(t testing.TB, sample string) []byte {
	t.Helper()
	m := protoadapt.MessageV2Of(emptyEvent(sample))
	if err := protojson.Unmarshal(file("json")(t, sample), m); err != nil {
		t.Fatalf("%s: %v", sample, err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func emptyEvent(sample string) protoadapt.MessageV1 {
	switch sample {
	case "up":
		return new(integration.UplinkEvent)
	case "join":
		return new(integration.JoinEvent)
	case "ack":
		return new(integration.AckEvent)
	case "txack":
		return new(integration.TxAckEvent)
	}
	return new(integration.ErrorEvent)
}

func (e encoding) device() event.Device {
	return event.Device{
		EUI:         event.DevEUI{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1},
		Application: e.application, ApplicationName: "meters", Name: "meter-7",
	}
}

var item = event.DownlinkID{
	0x36, 0xc7, 0xe3, 0xc4, 0x44, 0x01, 0x4b, 0x8d, 0x93, 0x86, 0xa5, 0xc9, 0x02, 0xf9, 0x20, 0x2d,
}

// want returns what all encodings must say, less what each does not tell.
func (e encoding) want(sample string) event.Event {
	v4, told := e.name == "v4", e.name != "json_v3"
	id, fCnt, limit := event.DownlinkID{}, uint32(12), 0
	if v4 {
		id, limit = item, 51
	}
	switch sample {
	case "up":
		u := event.Uplink{
			Device: e.device(), FPort: 223, DR: 5, Confirmed: told, Payload: []byte{0xa2, 0, 0x41, 0xff},
			Overrides: event.Overrides{RX1DROffset: dfu.Some(3), Align: 8},
		}
		if v4 {
			u.Region = "eu868"
		}
		return u
	case "join":
		return event.Joined{Device: e.device()}
	case "ack":
		return event.Ack{Device: e.device(), ID: id, FCnt: fCnt, Acknowledged: true}
	case "txack":
		a := event.TxAck{Device: e.device(), ID: id, FCnt: fCnt}
		if told {
			a.SpreadingFactor, a.Bandwidth = 9, 125000
		}
		return a
	}
	f := event.Error{Device: e.device(), Reason: event.ReasonOversize, ID: id, FCnt: fCnt, MaxPayload: limit}
	if sample == "error_gateway" {
		f.Reason, f.Queued, f.ID, f.MaxPayload = event.ReasonGateway, true, event.DownlinkID{}, 0
	}
	if v4 {
		f.FCnt = 0
	}
	return f
}

var samples = []string{"up", "join", "ack", "txack", "error", "error_gateway"}

func TestDecode(t *testing.T) {
	for _, e := range encodings(t) {
		for _, sample := range samples {
			got, err := e.codec.Decode(e.topic(sample), e.sample(t, sample))
			if err != nil {
				t.Errorf("%s %s: %v", e.name, sample, err)
				continue
			}
			ignore := cmpopts.IgnoreFields(event.Error{}, "Text")
			if diff := cmp.Diff(e.want(sample), got, ignore); diff != "" {
				t.Errorf("%s %s:\n%s", e.name, sample, diff)
			}
			if f, ok := got.(event.Error); ok && !strings.HasPrefix(f.Text, "DOWNLINK_") {
				t.Errorf("%s %s: text %q", e.name, sample, f.Text)
			}
		}
	}
}

// TestDecodeV4 holds what only v4 says.
func TestDecodeV4(t *testing.T) {
	e := encodings(t)[3]
	decode := func(sample string) event.Event {
		t.Helper()
		ev, err := e.codec.Decode(e.topic(sample), e.sample(t, sample))
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if u := decode("up_dr0").(event.Uplink); u.DR != 0 || u.FCnt != 7 || u.Confirmed {
		t.Errorf("zero data rate: %+v", u)
	}
	if u := decode("up_mac").(event.Uplink); u.FPort != 0 || u.Payload != nil || u.Refused != nil {
		t.Errorf("MAC commands only: %+v", u)
	}
	u := decode("up_encrypted").(event.Uplink)
	if !errors.Is(u.Refused, event.ErrEncrypted) || u.Payload != nil {
		t.Errorf("encrypted: %+v", u)
	}
	if f := decode("error_expired").(event.Error); f.Reason != event.ReasonExpired || f.ID != item || f.Queued {
		t.Errorf("expired: %+v", f)
	}
	if f := decode("error_other").(event.Error); f.Reason != event.ReasonOther || f.ID != (event.DownlinkID{}) {
		t.Errorf("other: %+v", f)
	}
}

// TestZeroFields: each encoding has its way of writing zero, or of leaving it
// out.
func TestZeroFields(t *testing.T) {
	v3, v4 := encodings(t)[0].codec, encodings(t)[3].codec
	up := &integration.UplinkEvent{ApplicationId: 1, DevEui: []byte{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1}}
	binary, err := proto.Marshal(protoadapt.MessageV2Of(up))
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(protoadapt.MessageV2Of(up))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"devEUI"`) {
		t.Fatalf("unlike the server: %s", text)
	}
	jsonV3 := `{"applicationID":"1","devEUI":"` + eui + `","txInfo":{"frequency":0,"dr":0},"adr":false,"fCnt":0,"fPort":0,"data":null}`
	for name, payload := range map[string][]byte{"protobuf": binary, "json": text, "json_v3": []byte(jsonV3)} {
		got, err := v3.Decode("application/1/device/"+eui+"/event/up", payload)
		u, ok := got.(event.Uplink)
		if err != nil || !ok || u.DR != 0 || u.FCnt != 0 || u.FPort != 0 || len(u.Payload) != 0 || u.Application != "1" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	got, err := v4.Decode("application/"+uuid+"/device/"+eui+"/event/ack", []byte(`{"deviceInfo":{"devEui":"`+eui+`"}}`))
	if a, ok := got.(event.Ack); err != nil || !ok || a.Acknowledged || a.FCnt != 0 || a.Application != uuid {
		t.Errorf("v4: %+v %v", got, err)
	}
}

func TestBadTag(t *testing.T) {
	for _, e := range encodings(t) {
		if e.name == "protobuf" {
			continue // its samples are those of json
		}
		payload := strings.Replace(string(e.sample(t, "up")), `"havn_align":"8"`, `"havn_align":"words"`, 1)
		got, err := e.codec.Decode(e.topic("up"), []byte(payload))
		u, ok := got.(event.Uplink)
		if err != nil || !ok || !errors.Is(u.Refused, event.ErrTag) || u.Payload == nil {
			t.Errorf("%s: %+v %v", e.name, got, err)
		}
	}
}

func TestOther(t *testing.T) {
	for _, e := range encodings(t) {
		for _, kind := range []string{"status", "location", "integration", "tx"} {
			got, err := e.codec.Decode(e.topic(kind), []byte("not read"))
			want := event.Other{Device: event.Device{EUI: e.device().EUI, Application: e.application}, Kind: kind}
			if err != nil || got != event.Event(want) {
				t.Errorf("%s %s: %+v %v", e.name, kind, got, err)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, e := range encodings(t) {
		up := string(e.sample(t, "up"))
		tests := []struct{ name, topic, payload string }{
			{"empty", e.topic("up"), ""},
			{"no object", e.topic("up"), "[]"},
			{"null", e.topic("up"), "null"},
			{"no fields", e.topic("up"), "{}"},
			{"garbage", e.topic("up"), "\x00\x01\x02\x03"},
			{"trailing", e.topic("up"), up + "}"},
			{"other device", strings.Replace(e.topic("up"), "0001/", "0002/", 1), up},
			{"other application", strings.Replace(e.topic("up"), e.application, "7", 1), up},
			{"no DevEUI", strings.Replace(e.topic("up"), eui, "meter-7", 1), up},
		}
		for _, tt := range tests {
			if got, err := e.codec.Decode(tt.topic, []byte(tt.payload)); !errors.Is(err, event.ErrMalformed) {
				t.Errorf("%s %s: %+v %v", e.name, tt.name, got, err)
			}
		}
		for _, name := range []string{"", "gateway/1/event/up", "application/1/device/" + eui} {
			if got, err := e.codec.Decode(name, []byte(up)); !errors.Is(err, topic.ErrTopic) {
				t.Errorf("%s topic %q: %+v %v", e.name, name, got, err)
			}
		}
	}
}

// TestDecodeRefusesFields changes one field of the JSON samples at a time.
func TestDecodeRefusesFields(t *testing.T) {
	long := strings.Repeat("AAAA", 100) // 300 bytes
	for _, e := range encodings(t) {
		if e.name == "protobuf" {
			continue
		}
		for old, bad := range map[string]string{
			`"fPort":223`:     `"fPort":256`,
			`"dr":5`:          `"dr":-1`,
			`"data":"ogBB/w"`: `"data":"ogBB/w="`,
			`"data":"ogBB/w=`: `"data":"` + long + `","x":"=`,
			`devEui":"70`:     `devEui":"zz`,
			`devEUI":"70`:     `devEUI":"zz`,
			`"devEUI":"cLPV`:  `"devEUI":"cLP=`,
		} {
			payload := strings.Replace(string(e.sample(t, "up")), old, bad, 1)
			if payload == string(e.sample(t, "up")) {
				continue // not a field of this encoding
			}
			if got, err := e.codec.Decode(e.topic("up"), []byte(payload)); !errors.Is(err, event.ErrMalformed) {
				t.Errorf("%s %s: %+v %v", e.name, bad, got, err)
			}
		}
	}
}

func TestProtobufRefuses(t *testing.T) {
	e := encodings(t)[2]
	for name, bad := range map[string]*integration.UplinkEvent{
		"FPort":   {ApplicationId: 1, DevEui: []byte{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1}, FPort: 256},
		"DR":      {ApplicationId: 1, DevEui: []byte{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1}, Dr: 256},
		"data":    {ApplicationId: 1, DevEui: []byte{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 1}, Data: make([]byte, 300)},
		"dev_eui": {ApplicationId: 1, DevEui: []byte{0x70, 0xb3}},
	} {
		payload, err := proto.Marshal(protoadapt.MessageV2Of(bad))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.codec.Decode(e.topic("up"), payload); !errors.Is(err, event.ErrMalformed) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestWrongGeneration: an operator who mixed them up is told so.
func TestWrongGeneration(t *testing.T) {
	all := encodings(t)
	tests := []struct {
		codec   encoding
		payload []byte
		want    string
	}{
		{all[0], all[3].sample(t, "up"), "set server: chirpstack-v4"},
		{all[3], all[0].sample(t, "up"), "set server: chirpstack-v3"},
		{all[3], all[2].sample(t, "up"), "set json=true"},
	}
	for _, tt := range tests {
		_, err := tt.codec.codec.Decode(tt.codec.topic("up"), tt.payload)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), eui) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestPrefixes: a JSON event that is cut short is refused. Protobuf may end
// after any field, but never gives another device or half a payload.
func TestPrefixes(t *testing.T) {
	for _, e := range encodings(t) {
		for _, sample := range samples {
			whole := []byte(strings.TrimSpace(string(e.sample(t, sample))))
			if e.name == "protobuf" {
				whole = e.sample(t, sample)
			}
			for i := range whole {
				got, err := e.codec.Decode(e.topic(sample), whole[:i])
				if err == nil && (e.name != "protobuf" || !plausible(got)) {
					t.Fatalf("%s %s: %d bytes accepted: %+v", e.name, sample, i, got)
				}
			}
		}
	}
}

func plausible(ev event.Event) bool {
	u, ok := ev.(event.Uplink)
	return ev.From().EUI.String() == eui && (!ok || len(u.Payload) == 0 || len(u.Payload) == 4)
}

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

func downlink(d event.Device) event.Downlink {
	return event.Downlink{Device: d, ID: item, FPort: 223, Payload: []byte{0xa1, 3, 0xff}}
}

func TestEncode(t *testing.T) {
	for _, e := range encodings(t) {
		name, payload, err := e.codec.Encode(downlink(e.device()))
		if want := "application/" + e.application + "/device/" + eui + "/command/down"; err != nil || name != want {
			t.Errorf("%s: %s %v", e.name, name, err)
		}
		want := `{"id":"36c7e3c4-4401-4b8d-9386-a5c902f9202d","devEui":"70b3d54990000001",` +
			`"confirmed":false,"fPort":223,"data":"oQP/"}`
		if string(payload) != want {
			t.Errorf("%s: %s", e.name, payload)
		}
	}
}

func TestEncodeExpires(t *testing.T) {
	e := encodings(t)[3]
	d := downlink(e.device())
	d.Expires = time.Date(2026, 11, 8, 14, 59, 25, 5e8, time.FixedZone("CET", 3600))
	_, payload, err := e.codec.Encode(d)
	var got map[string]any
	if err := errors.Join(err, json.Unmarshal(payload, &got)); err != nil {
		t.Fatal(err)
	}
	if got["expiresAt"] != "2026-11-08T13:59:25.5Z" {
		t.Errorf("%s", payload)
	}
}

// TestEncodeTwice: the same bytes again are another message on the wire.
func TestEncodeTwice(t *testing.T) {
	for _, e := range encodings(t) {
		d := downlink(e.device())
		_, first, err := e.codec.Encode(d)
		d.ID = event.NewDownlinkID()
		_, second, err2 := e.codec.Encode(d)
		if err != nil || err2 != nil || string(first) == string(second) {
			t.Errorf("%s: %s and %s: %v %v", e.name, first, second, err, err2)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	e := encodings(t)[0]
	d := downlink(e.device())
	d.Device.Application = ""
	if _, _, err := e.codec.Encode(d); !errors.Is(err, topic.ErrTopic) {
		t.Errorf("no application: %v", err)
	}
	d = downlink(e.device())
	d.FPort = 0
	if _, _, err := e.codec.Encode(d); !errors.Is(err, event.ErrDownlink) {
		t.Errorf("FPort 0: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	all := encodings(f)
	for i, e := range all {
		for _, sample := range samples {
			f.Add(i, e.topic(sample), e.sample(f, sample))
		}
	}
	f.Fuzz(func(t *testing.T, i int, name string, payload []byte) {
		e := all[uint(i)%uint(len(all))]
		ev, err := e.codec.Decode(name, payload)
		if (err == nil) == (ev == nil) {
			t.Fatalf("%+v and %v", ev, err)
		}
		u, ok := ev.(event.Uplink)
		if !ok {
			return
		}
		if len(u.Payload) > event.MaxPayload || u.DR < 0 || u.DR > 255 {
			t.Errorf("%+v", u)
		}
		if again, _, err := e.codec.Encode(downlink(u.Device)); err == nil {
			if _, err := e.codec.commands.Match(again); err != nil {
				t.Errorf("command topic %q: %v", again, err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, e := range encodings(b) {
		b.Run(e.name, func(b *testing.B) {
			payload := e.sample(b, "up")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.codec.Decode(e.topic("up"), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	e := encodings(b)[0]
	d := downlink(e.device())
	d.Payload = make([]byte, event.MaxPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.codec.Encode(d); err != nil {
			b.Fatal(err)
		}
	}
}
