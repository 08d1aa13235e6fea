package chirpstacktest

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// history lets one device meet every kind of event: uplink 0 with an oversized
// and a confirmed item behind it, uplink 1 that confirms.
func history(t *testing.T, e wire.Encoding) map[string][]told {
	t.Helper()
	kinds := map[string][]told{}
	cfg := Config{Encoding: e, Application: map[wire.Encoding]string{wire.V4: "4f6d"}[e]}
	simulate(t, cfg, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{
			EUI: event.DevEUI{0x70, 0xb3, 0xd5, 0x49, 0x90}, Name: "tank", DR: 3,
			Tags: map[string]string{"havn_align": "8"},
		})
		n.answer = func(*network, string) {
			n.answer = nil
			n.queue(d, false, payload(1, 116))
			n.queue(d, true, payload(2, 10))
		}
		n.exchange(d)
		n.exchange(d)
		time.Sleep(ms)
		for _, ev := range n.events {
			kinds[ev.kind] = append(kinds[ev.kind], ev)
		}
	})
	return kinds
}

// TestJSON holds the two wire.JSON marshalers of version 3 and version 4 against
// what was captured from real ones: names, types, and what is left out.
func TestJSON(t *testing.T) {
	eui := base64.StdEncoding.EncodeToString([]byte{0x70, 0xb3, 0xd5, 0x49, 0x90, 0, 0, 0})
	for _, tt := range []struct {
		encoding wire.Encoding
		kind     string
		path     []string
		want     any // nil = absent
	}{
		{wire.JSONv3, "up", []string{"devEUI"}, "70b3d54990000000"},
		{wire.JSONv3, "up", []string{"applicationID"}, "1"},
		{wire.JSONv3, "up", []string{"txInfo", "dr"}, 3.0},
		{wire.JSONv3, "up", []string{"fCnt"}, 0.0},
		{wire.JSONv3, "up", []string{"data"}, "dXA="},
		{wire.JSONv3, "up", []string{"tags", "havn_align"}, "8"},
		{wire.JSONv3, "up", []string{"devAddr"}, nil},
		{wire.JSONv3, "up", []string{"publishedAt"}, nil},
		{wire.JSONv3, "join", []string{"devEUI"}, "70b3d54990000000"},
		{wire.JSONv3, "txack", []string{"txInfo"}, nil},
		{wire.JSONv3, "error", []string{"type"}, "DOWNLINK_PAYLOAD_SIZE"},
		{wire.JSONv3, "error", []string{"fCnt"}, nil},
		{wire.JSONv3, "ack", []string{"acknowledged"}, true},

		{wire.JSON, "up", []string{"devEUI"}, eui},
		{wire.JSON, "up", []string{"applicationID"}, "1"},
		{wire.JSON, "up", []string{"dr"}, 3.0},
		{wire.JSON, "up", []string{"fCnt"}, 0.0},
		{wire.JSON, "up", []string{"confirmedUplink"}, false},
		{wire.JSON, "up", []string{"objectJSON"}, ""},
		{wire.JSON, "txack", []string{"txInfo", "loRaModulationInfo", "spreadingFactor"}, 9.0},
		{wire.JSON, "txack", []string{"txInfo", "delayTimingInfo", "delay"}, "1s"},
		{wire.JSON, "error", []string{"type"}, "DOWNLINK_PAYLOAD_SIZE"},
		{wire.JSON, "error", []string{"fCnt"}, 0.0},

		{wire.V4, "up", []string{"deviceInfo", "devEui"}, "70b3d54990000000"},
		{wire.V4, "up", []string{"deviceInfo", "applicationId"}, "4f6d"},
		{wire.V4, "up", []string{"deviceInfo", "deviceClassEnabled"}, nil},
		{wire.V4, "up", []string{"dr"}, 3.0},
		{wire.V4, "up", []string{"fCnt"}, nil},
		{wire.V4, "up", []string{"confirmed"}, nil},
		{wire.V4, "up", []string{"regionConfigId"}, "eu868"},
		{wire.V4, "up", []string{"txInfo", "modulation", "lora", "bandwidth"}, 125000.0},
		{wire.V4, "txack", []string{"txInfo", "timing", "delay", "delay"}, "1s"},
		{wire.V4, "log", []string{"level"}, "ERROR"},
		{wire.V4, "log", []string{"context", "max_payload_size"}, "115"},
		{wire.V4, "ack", []string{"acknowledged"}, true},
	} {
		events := history(t, tt.encoding)[tt.kind]
		if len(events) == 0 {
			t.Errorf("%s: no %s", tt.encoding, tt.kind)
			continue
		}
		if got := field(t, events[0].payload, tt.path); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s %v: %v, want %v in %s",
				tt.encoding, tt.kind, tt.path, got, tt.want, events[0].payload)
		}
	}
}

func field(t *testing.T, payload []byte, path []string) (v any) {
	t.Helper()
	if err := json.Unmarshal(payload, &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		v = v.(map[string]any)[name]
	}
	return v
}

func TestProtobuf(t *testing.T) {
	events := history(t, wire.Protobuf)
	up, ack := new(integration.UplinkEvent), new(integration.TxAckEvent)
	failure := new(integration.ErrorEvent)
	for kind, m := range map[string]protoadapt.MessageV1{"up": up, "txack": ack, "error": failure} {
		if err := proto.Unmarshal(events[kind][0].payload, protoadapt.MessageV2Of(m)); err != nil {
			t.Fatal(err)
		}
	}
	if up.Dr != 3 || up.FPort != 223 || string(up.Data) != "up" ||
		up.DeviceName != "tank" || up.ApplicationId != 1 {
		t.Errorf("%v", up)
	}
	if lora := ack.TxInfo.GetLoraModulationInfo(); lora.SpreadingFactor != 9 || lora.Bandwidth != 125 {
		t.Errorf("%v", ack)
	}
	if failure.Type != integration.ErrorType_DOWNLINK_PAYLOAD_SIZE {
		t.Errorf("%v", failure)
	}
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{
		{Encoding: "xml"}, {Application: "one"}, {Radio: region.Config{Region: "MARS"}},
		{Timing: clock.Timing{EnqueueMin: 2, EnqueueMax: 1}},
	} {
		if s, err := New(bad); err == nil {
			t.Errorf("%+v accepted: %v", bad, s)
		}
	}
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := &region.Config{Region: "MARS"}
	for _, bad := range []DeviceConfig{
		{Class: "B"}, {DR: 15}, {FOpts: 16}, {FOpts: -1}, {UpLoss: 2}, {DownLoss: -1}, {Radio: elsewhere},
	} {
		if _, err := s.Add(bad); err == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
	if _, err := s.Add(DeviceConfig{}); err != nil {
		t.Error(err)
	}
	if _, err := s.Add(DeviceConfig{}); err == nil {
		t.Error("the same device twice")
	}
	if err := s.devices[event.DevEUI{}].SetDR(15); err == nil {
		t.Error("DR15")
	}
}

// TestOwnRadio: a device with a profile of its own, and one whose data rate
// changes after its item was queued.
func TestOwnRadio(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		offset := &region.Config{Region: "EU868", RX1DROffset: 3}
		a := n.joined(DeviceConfig{DR: 5, Radio: offset})
		b := n.joined(DeviceConfig{DR: 5, EUI: event.DevEUI{2}})
		for _, d := range []*Device{a, b} {
			n.queue(d, false, payload(1, 242))
		}
		if got := n.exchange(a); got != nil || a.Counts().Oversize != 1 {
			t.Errorf("%x, %+v", got, a.Counts())
		}
		if err := b.SetDR(3); err != nil {
			t.Fatal(err)
		}
		if got := n.exchange(b); got != nil || b.Counts().Oversize != 1 {
			t.Errorf("%x, %+v", got, b.Counts())
		}
	})
}
