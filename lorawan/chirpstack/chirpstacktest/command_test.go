package chirpstacktest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// TestJoin: a join empties the queue, and version 3 tells of it with the first
// uplink only.
func TestJoin(t *testing.T) {
	for _, e := range wire.Encodings() {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			n.queue(d, false, payload(1, 9), payload(2, 9))
			before := len(n.told(string(wire.Join)))
			if err := d.Join(n.ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(ms)
			if len(n.Queue(d.eui)) != 0 || d.Counts().Flushed != 2 {
				t.Errorf("%s: %+v", e, d.Counts())
			}
			if told := len(n.told(string(wire.Join))) > before; told != (e == wire.V4) {
				t.Errorf("%s: join told: %v", e, told)
			}
			if got := n.exchange(d); got != nil || len(n.told(string(wire.Join))) != before+1 {
				t.Errorf("%s: %x, %d joins", e, got, len(n.told(string(wire.Join))))
			}
		})
	}
}

// TestGarbage: what is queued between the very first join and the first uplink
// arrives as garbage with a valid MIC.
func TestGarbage(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{})
		if err := d.Join(n.ctx); err != nil {
			t.Fatal(err)
		}
		n.down(d, payload(1, 40))
		time.Sleep(50 * ms)
		got := n.exchange(d)
		if len(got) != 40 || slices.Equal(got, payload(1, 40)) {
			t.Errorf("%x", got)
		}
		if last := n.last(); !last.Garbage || last.FPort != 223 || d.Counts().Garbage != 1 {
			t.Errorf("%+v", last)
		}

		// After a join again, it is refused without a word.
		if err := d.Join(n.ctx); err != nil {
			t.Fatal(err)
		}
		events := len(n.events)
		n.down(d, payload(1, 40))
		time.Sleep(50 * ms)
		if d.Counts().OutOfSync != 1 || len(n.Queue(d.eui)) != 0 || len(n.events) != events {
			t.Errorf("%+v", d.Counts())
		}
		if got := n.exchange(d); got != nil {
			t.Errorf("%x", got)
		}
	})
	simulate(t, Config{Encoding: wire.V4}, func(t *testing.T, n *network) {
		d := n.add(DeviceConfig{})
		if err := d.Join(n.ctx); err != nil {
			t.Fatal(err)
		}
		n.down(d, payload(1, 40))
		time.Sleep(50 * ms)
		wantPayload(t, n.exchange(d), payload(1, 40))
	})
}

// TestRefused: what is no command is dropped without an event.
func TestRefused(t *testing.T) {
	good := map[wire.Encoding]string{
		wire.JSONv3: `{"fPort":224,"data":"AQ=="}`,
		wire.V4:     `{"devEui":"0000000000000001","fPort":255,"data":"AQ=="}`,
	}
	bad := map[wire.Encoding][]string{
		wire.JSONv3: {
			`{"fPort":0,"data":"AQ=="}`, `{"fPort":225,"data":"AQ=="}`, `{"fPort":256,"data":"AQ=="}`,
			`{"fPort":1,"data":"A"}`, `{"fPort":1`, ``, `[]`,
		},
		wire.V4: {
			`{"fPort":1,"data":"AQ=="}`, `{"devEui":"0000000000000002","fPort":1,"data":"AQ=="}`,
			`{"devEui":"0000000000000001","fPort":0,"data":"AQ=="}`,
			`{"devEui":"0000000000000001","fPort":1,"data":"AQ==","id":"1"}`,
			`{"devEui":"0000000000000001","fPort":1,"data":"AQ==","expiresAt":"soon"}`,
		},
	}
	for e, bodies := range bad {
		simulate(t, Config{Encoding: e}, func(t *testing.T, n *network) {
			d := n.joined(DeviceConfig{})
			events := len(n.events)
			for _, body := range bodies {
				n.raw(d, body)
			}
			time.Sleep(50 * ms)
			if len(n.Queue(d.eui)) != 0 || len(n.events) != events {
				t.Errorf("%s: %v", e, n.Queue(d.eui))
			}
			if c := d.Counts(); c.Refused != len(bodies) {
				t.Errorf("%s: %+v", e, c)
			}
			n.raw(d, good[e])
			time.Sleep(50 * ms)
			if len(n.Queue(d.eui)) != 1 {
				t.Errorf("%s: %s refused", e, good[e])
			}
		})
	}
}

func TestAddressee(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		good := "application/1/device/0000000000000001/command/down"
		for _, topic := range []string{
			"", "application", strings.Replace(good, "n/1/", "n/2/", 1),
			strings.Replace(good, "1/c", "2/c", 1), strings.Replace(good, "down", "up", 1),
			strings.Replace(good, "00", "xx", 1), good + "/more",
		} {
			n.command(topic, []byte(`{"fPort":1,"data":""}`), time.Now())
		}
		time.Sleep(50 * ms)
		if got := n.Stats().UnknownDevices; got != 7 || len(n.Queue(d.eui)) != 0 {
			t.Errorf("%d unknown, %v", got, n.Queue(d.eui))
		}
	})
}

// TestVersion4: items have an identifier and an end; a log event names the
// limit and the item.
func TestVersion4(t *testing.T) {
	const id, other = "5e2b5f43-52a0-4d4e-9d2c-6d3b8c7c1a01", "5e2b5f43-52a0-4d4e-9d2c-6d3b8c7c1a02"
	simulate(t, Config{Encoding: wire.V4}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.down(d, payload(1, 9), `id="`+id+`"`)
		n.down(d, payload(2, 9), `id="`+id+`"`)
		time.Sleep(50 * ms)
		if len(n.Queue(d.eui)) != 1 || d.Counts().Refused != 1 {
			t.Errorf("the same id twice: %v", n.Queue(d.eui))
		}
		n.exchange(d)
		if acks := n.told(string(wire.TxAck)); len(acks) != 1 || acks[0].text(t, "queueItemId") != id {
			t.Errorf("%v", acks)
		}

		end := time.Now().Add(time.Minute).UTC().Format(time.RFC3339Nano)
		n.down(d, payload(3, 9), `id="`+id+`"`, `expiresAt="`+end+`"`)
		time.Sleep(time.Minute)
		n.down(d, payload(4, 52), `id="`+other+`"`)
		time.Sleep(50 * ms)
		if got := n.exchange(d); got != nil {
			t.Errorf("%x", got)
		}
		wantLog(t, n, map[string]map[string]any{
			"EXPIRED": {"queue_item_id": id},
			"DOWNLINK_PAYLOAD_SIZE": {
				"queue_item_id": other, "max_payload_size": "51", "item_size": "52",
			},
		})
	})
}

func wantLog(t *testing.T, n *network, want map[string]map[string]any) {
	t.Helper()
	logs := n.told("log")
	if len(logs) != len(want) {
		t.Errorf("%d log events", len(logs))
	}
	for _, e := range logs {
		context := e.text(t, "context").(map[string]any)
		for key, value := range want[e.text(t, "code").(string)] {
			if context[key] != value || e.text(t, "level") != "ERROR" {
				t.Errorf("%s: want %s=%v", e.payload, key, value)
			}
		}
	}
}

// TestEnqueue is the server's own API.
func TestEnqueue(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		idle, d := n.add(DeviceConfig{EUI: event.DevEUI{2}}), n.joined(DeviceConfig{})
		for _, tt := range []struct {
			eui   event.DevEUI
			fPort uint32
			size  int
			want  error
		}{
			{d.eui, 0, 1, ErrInvalid}, {d.eui, 224, 1, nil}, {d.eui, 256, 1, ErrInternal},
			{d.eui, 1, 0, nil}, {d.eui, 1, 300, nil}, {idle.eui, 1, 1, ErrInternal},
			{event.DevEUI{9}, 1, 1, ErrInternal},
		} {
			if _, err := n.Enqueue(tt.eui, false, tt.fPort, payload(1, tt.size)); !errors.Is(err, tt.want) {
				t.Errorf("%+v: %v", tt, err)
			}
		}
		if q := n.Queue(d.eui); len(q) != 3 || q[2].FCnt != 2 || len(q[2].Data) != 300 {
			t.Errorf("%+v", q)
		}
		for range 3 {
			n.exchange(d)
		}
		if d.Counts().Oversize != 1 {
			t.Errorf("300 bytes: %+v", d.Counts())
		}
	})
}

// TestWritesQueued: the recorder sees two Writes at once, wherever the second
// one comes from.
func TestWritesQueued(t *testing.T) {
	now := TooLate
	cfg := Config{Forwarder: func(event.DevEUI) Fault { return now }}
	simulate(t, cfg, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, false, write(payload(1, 16)), payload(1, 9))
		if got := d.Counts().WritesQueued; got != 1 {
			t.Errorf("%d Writes", got)
		}
		n.exchange(d) // refused by the radio gateway, so the Write stays
		n.queue(d, false, write(payload(2, 16)))
		if got := n.Stats().WritesQueued; got != 2 {
			t.Errorf("%d Writes", got)
		}
	})
}

// TestWriteSent: a Write that is on its way is not queued any more.
func TestWriteSent(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		d := n.joined(DeviceConfig{})
		n.queue(d, true, write(payload(1, 16)))
		n.exchange(d)
		n.queue(d, false, write(payload(2, 16)))
		if len(n.Queue(d.eui)) != 2 || d.Counts().WritesQueued != 1 {
			t.Errorf("%d listed, %+v", len(n.Queue(d.eui)), d.Counts())
		}
	})
}
