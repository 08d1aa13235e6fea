package chirpstacktest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is an event as the application sees it.
type told struct {
	at      time.Duration // since the start
	eui     string
	kind    string
	payload []byte
}

func (e told) text(t *testing.T, field string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(e.payload, &m); err != nil {
		t.Fatalf("%s: %v", e.payload, err)
	}
	return m[field]
}

// network is a server in a bubble of simulated time, without a broker.
type network struct {
	*Server
	t      *testing.T
	ctx    context.Context
	start  time.Time
	events []told

	// answer is called with every uplink event; nil leaves it alone.
	answer func(n *network, eui string)
}

// simulate runs test with a server of cfg.
func simulate(t *testing.T, cfg Config, test func(t *testing.T, n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		n := &network{Server: s, t: t, ctx: ctx, start: time.Now()}
		go func() { s.live(ctx, n.tell); close(s.done) }()
		test(t, n)
		cancel()
		<-s.done
	})
}

func (n *network) tell(topic string, payload []byte) error {
	level := strings.Split(topic, "/")
	n.mu.Lock()
	n.events = append(n.events, told{n.now(), level[3], level[5], payload})
	n.mu.Unlock()
	if n.answer != nil && level[5] == string(wire.Up) {
		n.answer(n, level[3])
	}
	return nil
}

func (n *network) now() time.Duration { return time.Since(n.start) }

// at returns the events of a kind.
func (n *network) told(kind string) (found []told) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func (n *network) add(cfg DeviceConfig) *Device {
	n.t.Helper()
	if cfg.EUI == (event.DevEUI{}) {
		cfg.EUI = event.DevEUI{0, 0, 0, 0, 0, 0, 0, 1}
	}
	d, err := n.Add(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// exchange sends an uplink and returns what came back, nil for nothing.
func (n *network) exchange(d *Device) []byte {
	n.t.Helper()
	down, ok, err := d.Exchange(n.ctx, 223, []byte("up"))
	if err != nil {
		n.t.Fatal(err)
	}
	if ok != (down != nil) {
		n.t.Fatalf("%x, %v", down, ok)
	}
	return down
}

// joined returns a device whose first uplink is over.
func (n *network) joined(cfg DeviceConfig) *Device {
	n.t.Helper()
	d := n.add(cfg)
	if down := n.exchange(d); down != nil {
		n.t.Fatalf("%x out of nothing", down)
	}
	return d
}

// down publishes a command for a device.
func (n *network) down(d *Device, data []byte, more ...string) {
	body := map[string]any{"confirmed": false, "fPort": 223, "data": data}
	if n.cfg.Encoding == wire.V4 {
		body["devEui"] = d.eui.String()
	}
	for _, field := range more {
		name, value, _ := strings.Cut(field, "=")
		body[name] = json.RawMessage(value)
	}
	b, err := json.Marshal(body)
	if err != nil {
		n.t.Fatal(err)
	}
	n.raw(d, string(b))
}

func (n *network) raw(d *Device, body string) {
	topic := "application/" + n.cfg.Application + "/device/" + d.eui.String() + "/command/down"
	n.command(topic, []byte(body), time.Now())
}

// queue enqueues at once and in order.
func (n *network) queue(d *Device, confirmed bool, items ...[]byte) {
	n.t.Helper()
	for _, it := range items {
		if _, err := n.Enqueue(d.eui, confirmed, 223, it); err != nil {
			n.t.Fatal(err)
		}
	}
}

// last returns the last downlink that left.
func (n *network) last() Downlink {
	n.t.Helper()
	all := n.Downlinks()
	if len(all) == 0 {
		n.t.Fatal("no downlink")
	}
	return all[len(all)-1]
}

// payload returns size bytes that tell themselves from other payloads.
func payload(mark byte, size int) []byte { return bytes.Repeat([]byte{mark}, size) }

func wantPayload(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes %.8x, want %d bytes %.8x", len(got), got, len(want), want)
	}
}

func wantTimes(t *testing.T, what string, events []told, want ...time.Duration) {
	t.Helper()
	var got []time.Duration
	for _, e := range events {
		got = append(got, e.at)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s at %v, want %v", what, got, want)
	}
}

func eu868(change func(*region.Config)) Config {
	c := Config{Radio: region.Config{Region: "EU868"}}
	if change != nil {
		change(&c.Radio)
	}
	return c
}

func write(data []byte) []byte {
	return dfu.Command{Op: dfu.OpWrite, Version: []byte("1.0.0"), Data: data}.Append(nil)
}
