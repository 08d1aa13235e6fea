package chirpstacktest

import (
	"encoding/json"
	"testing"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
)

// TestCommandPrefixes: no beginning of a command is one.
func TestCommandPrefixes(t *testing.T) {
	whole, err := json.Marshal(wire.Command{DevEUI: "0000000000000001", FPort: 223, Data: payload(1, 9)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []wire.Encoding{wire.JSONv3, wire.V4} {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			for i := range whole {
				n.raw(d, string(whole[:i]))
			}
			if got := d.Counts().Refused; got != len(whole) {
				t.Errorf("%s: %d of %d prefixes refused", e, got, len(whole))
			}
			n.raw(d, string(whole))
			time.Sleep(50 * ms)
			if len(n.Queue(d.eui)) != 1 {
				t.Errorf("%s: %s refused", e, whole)
			}
		})
	}
}

func FuzzCommand(f *testing.F) {
	const topic = "application/1/device/0000000000000001/command/down"
	whole, err := json.Marshal(wire.Command{DevEUI: "0000000000000001", FPort: 223, Data: payload(1, 9)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(true, topic, whole)
	f.Add(false, topic, []byte(`{"fPort":1,"data":"AQ==","expiresAt":null,"confirmed":true}`))
	f.Add(false, "application/1/device/x/command/down", []byte(`{}`))
	f.Fuzz(func(t *testing.T, v4 bool, topic string, body []byte) {
		cfg := Config{Application: "1", Encoding: wire.JSONv3}
		if v4 {
			cfg.Encoding = wire.V4
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Add(DeviceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if it, err := s.read(d, body); err == nil && (it.fPort == 0 || (!v4 && it.fPort > 224)) {
			t.Errorf("accepted: %+v", it)
		}
		s.command(topic, body, time.Now())
		if c := s.Stats(); c.Refused+int(c.UnknownDevices)+s.onTheWay != 1 {
			t.Errorf("%+v, %d on the way", c, s.onTheWay)
		}
	})
}
