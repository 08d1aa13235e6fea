package lorawan_test

import (
	"strconv"
	"testing"
	"time"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/event"
	"havn/telemetry"
)

// FuzzHandle lives through any sequence of events: each step is taken from the
// next bytes of script. Nothing crashes, and a downlink is always valid, fits,
// and answers the uplink it came from.
func FuzzHandle(f *testing.F) {
	first, next := at(0), at(36)
	f.Add([]byte{0, 1, 5, 2, 0, 2, 5, 3, 4, 0, 0, 3, 3, 5}, first.Append(nil), uint8(0))
	f.Add([]byte{0, 1, 0, 0, 2, 0, 0, 3, 0, 1, 0, 4, 0, 5}, next.Append(nil), uint8(1))
	f.Add([]byte{0, 9, 14, 0, 9, 5, 0, 3, 5, 4, 1, 5}, []byte{0xa0}, uint8(2))
	f.Add([]byte{0, 1, 5, 6, 7, 5, 2, 0, 1, 0x40, 9, 10, 6, 8, 5, 0x42, 0, 2}, []byte("on"), uint8(0))
	kinds := []lorawan.Server{lorawan.ChirpStackV3, lorawan.ChirpStackV4, lorawan.TheThingsStack}
	f.Fuzz(func(t *testing.T, script, payload []byte, kind uint8) {
		w := newWorld(t, server(kinds[int(kind)%len(kinds)]), func(s *settings) {
			s.cfg.FPorts, s.cfg.AirtimeBudget = []int{223, 1}, 0.01
		})
		var last event.Downlink
		for len(script) >= 3 {
			e := eventOf(script, payload, last.ID)
			if script[2]%5 == 0 {
				w.commands = []telemetry.Command{{Name: "port:" + strconv.Itoa(int(script[1])), Payload: payload}}
			}
			w.now = w.now.Add(time.Duration(script[2]) * time.Minute)
			if dl, ok := w.handle(e); ok {
				last = dl
				_, err := dfu.ParseCommand(dl.Payload)
				if err != nil && (dl.FPort == 223 || dl.FPort == 1) {
					t.Fatal(err)
				}
			}
			script = script[3:]
		}
	})
}

func eventOf(b, payload []byte, last event.DownlinkID) event.Event {
	if b[1]&0x80 != 0 {
		last = event.DownlinkID{}
	}
	switch b[0] % 8 {
	case 1:
		return event.Joined{Device: sensor}
	case 2:
		return event.TxAck{Device: sensor, ID: last}
	case 3:
		return event.Error{Device: sensor, ID: last, Reason: event.Reason(b[1] % 4),
			MaxPayload: int(b[2]), Queued: b[2]&1 != 0}
	case 4:
		return event.Ack{Device: sensor, ID: last}
	case 5:
		return event.Other{Device: sensor, Kind: "status"}
	case 6:
		return event.Pending{Device: sensor}
	}
	st := at(int(b[2]) * 36)
	up := event.Uplink{Device: sensor, FPort: 223, FCnt: uint32(b[1]), DR: int(b[2]) % 16}
	up.Payload = st.Append(nil)
	if b[0] == 0xff {
		up.Payload = payload
	}
	if b[0]&0x40 != 0 {
		up.FPort = b[1]
	}
	up.Overrides.Align = int(b[1]) % 9
	return up
}

// FuzzStatus takes any payload for a Status.
func FuzzStatus(f *testing.F) {
	for _, st := range []dfu.Status{at(0), at(36), at(size), {}} {
		f.Add(st.Append(nil), uint8(5))
	}
	f.Fuzz(func(t *testing.T, payload []byte, dr uint8) {
		w := newWorld(t)
		up := w.uplink(int(dr), at(0))
		up.Payload = payload
		_, answered := w.handle(up)
		if _, err := dfu.ParseStatus(payload); answered && err != nil {
			t.Errorf("%x answered", payload)
		}
	})
}
