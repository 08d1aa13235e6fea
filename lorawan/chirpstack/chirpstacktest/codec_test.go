package chirpstacktest

import (
	"fmt"
	"testing"
	"time"

	"havn/lorawan/chirpstack"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

func codec(t *testing.T, e wire.Encoding) *chirpstack.Codec {
	t.Helper()
	open := chirpstack.NewV3
	if e == wire.V4 {
		open = chirpstack.NewV4
	}
	c, err := open(chirpstack.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCodecReads: the gateway's codec understands every event, whatever the
// encoding, to the same meaning.
func TestCodecReads(t *testing.T) {
	for _, e := range wire.Encodings() {
		c := codec(t, e)
		application := map[bool]string{false: "1", true: "4f6d"}[e == wire.V4]
		seen := map[string]int{}
		for kind, events := range history(t, e) {
			for _, ev := range events {
				topic := "application/" + application + "/device/" + ev.eui + "/event/" + kind
				got, err := c.Decode(topic, ev.payload)
				if err != nil {
					t.Errorf("%s: %v", e, err)
				}
				seen[meaning(got)]++
			}
		}
		for _, want := range []string{
			"tank joined", "tank up 0 DR3 on 223: up", "tank up 1 DR3 on 223: up",
			"tank oversize", "tank sent 0", "tank ack true",
		} {
			if seen[want] != 1 {
				t.Errorf("%s: %q is not once in %v", e, want, seen)
			}
		}
	}
}

func meaning(e event.Event) string {
	name := e.From().Name
	switch e := e.(type) {
	case event.Joined:
		return name + " joined"
	case event.Uplink:
		return fmt.Sprintf("%s up %d DR%d on %d: %s", name, e.FCnt, e.DR, e.FPort, e.Payload)
	case event.Error:
		return name + " " + e.Reason.String()
	case event.TxAck:
		return fmt.Sprintf("%s sent %d", name, e.FCnt)
	case event.Ack:
		return fmt.Sprintf("%s ack %v", name, e.Acknowledged)
	}
	return fmt.Sprintf("%T", e)
}

// TestCodecWrites: the server understands the codec's downlinks.
func TestCodecWrites(t *testing.T) {
	for _, e := range wire.Encodings() {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			topic, body, err := codec(t, e).Encode(event.Downlink{
				Device: event.Device{EUI: d.eui, Application: n.Application(), Name: d.name},
				ID:     event.NewDownlinkID(), FPort: 223, Payload: payload(1, 51),
				Expires: time.Now().Add(time.Minute),
			})
			if err != nil {
				t.Fatal(err)
			}
			n.command(topic, body, time.Now())
			time.Sleep(50 * ms)
			wantPayload(t, n.exchange(d), payload(1, 51))
		})
	}
}
