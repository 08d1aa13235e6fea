package chirpstack

import (
	"errors"
	"strings"
	"testing"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"havn/lorawan/event"
	"havn/lorawan/topic"
)

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
