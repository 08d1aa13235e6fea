package chirpstack

import (
	"testing"

	"havn/lorawan/event"
)

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
