package chirpstack

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"havn/lorawan/event"
	"havn/lorawan/topic"
)

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
