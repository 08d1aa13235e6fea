package lorawan_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/front"
	"havn/link/mqtt/mqtttest"
	"havn/lorawan"
	"havn/lorawan/chirpstack"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/telemetry"
)

// quick is the course of events of a real server, without its waits.
var quick = clock.Timing{
	Publish: time.Millisecond, DownlinkWait: 20 * time.Millisecond,
	EnqueueMin: time.Millisecond, EnqueueMax: 2 * time.Millisecond,
	DuplicateLock: 20 * time.Millisecond, TxAck: 2 * time.Millisecond,
	RX1Delay: 26 * time.Millisecond, RX2Gap: 2 * time.Millisecond,
	ClassCInterval: 5 * time.Millisecond, ClassCLock: 10 * time.Millisecond,
	ClassCListen: 60 * time.Millisecond,
}

// edge is a network server, a broker and the gateway's front on it.
type edge struct {
	*chirpstacktest.Server
	t       *testing.T
	network *lorawan.Network
	inbox   *telemetry.Inbox
	shelf   shelf
	broker  string
	ctx     context.Context
}

func newNetwork(
	t *testing.T, cfg lorawan.Config, s shelf, shard lorawan.Shard, inbox *telemetry.Inbox,
) *lorawan.Network {
	t.Helper()
	codec, err := chirpstack.NewV3(chirpstack.Config{})
	if cfg.Server == lorawan.ChirpStackV4 {
		codec, err = chirpstack.NewV4(chirpstack.Config{})
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := lorawan.New(lorawan.Setup{Config: cfg, Shard: shard}, codec, front.Parts{
		Engine: newEngine(t, s), Upstream: telemetry.Upstream{Commands: inbox.Take},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// otherPayload is that of all commands which are not about firmware.
const otherPayload = "blink"

// begin runs things until the test ends.
func begin(t *testing.T, run ...func(context.Context) error) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	for _, r := range run {
		work.Go(func() {
			if err := r(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); work.Wait() })
	return ctx
}

func newEdge(
	t *testing.T, cfg chirpstacktest.Config, shard lorawan.Shard, change ...func(*lorawan.Config),
) *edge {
	t.Helper()
	broker, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Broker = broker.URL(); cfg.Timing == (clock.Timing{}) {
		cfg.Timing = quick
	}
	s, err := chirpstacktest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	own := network()
	own.MQTT.URL = broker.URL()
	if cfg.Encoding == wire.V4 {
		own.Server = lorawan.ChirpStackV4
	}
	for _, c := range change {
		c(&own)
	}
	w := &edge{
		Server: s, t: t, inbox: telemetry.NewInbox(nil), shelf: newShelf(wanted, size), broker: broker.URL(),
	}
	w.network = newNetwork(t, own, w.shelf, shard, w.inbox)
	w.ctx = begin(t, broker.Run, s.Run, w.network.Run)
	<-s.Ready()
	await(t, w.network)
	return w
}

// await waits until events arrive.
func await(t *testing.T, n *lorawan.Network) {
	t.Helper()
	for range 1000 {
		if n.Connected() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the broker is not connected")
}

// radio is the Transport of a simulated device: no downlink means Wait, as does
// one that is not about firmware.
type radio struct{ *chirpstacktest.Device }

func (r radio) Exchange(ctx context.Context, status []byte) (device.Answer, error) {
	payload, ok, err := r.Device.Exchange(ctx, 223, status)
	if err != nil || ok && string(payload) != otherPayload {
		return device.Answer{Command: payload}, err
	}
	return device.Answer{Command: dfu.Command{Op: dfu.OpWait}.Append(nil)}, nil
}

// update lets the devices update themselves and checks that they did.
func (s *edge) update(devices ...chirpstacktest.DeviceConfig) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 3*time.Minute)
	defer cancel()
	var work sync.WaitGroup
	for i, cfg := range devices {
		cfg.EUI = event.DevEUI{0: 1, 7: byte(i + 1)}
		cfg.Name = fmt.Sprintf("device-%d", i+1)
		far, err := s.Add(cfg)
		if err != nil {
			s.t.Fatal(err)
		}
		d, err := device.New(device.Config{
			Version: running, MTU: event.MaxPayload, Size: size, Backoff: time.Millisecond,
		}, radio{far})
		if err != nil {
			s.t.Fatal(err)
		}
		work.Go(func() {
			r, err := d.Run(ctx)
			done := r.Digest == s.shelf.meta.Digest && r.Version == wanted
			if err != nil || !done || len(r.Violations) > 0 {
				s.t.Errorf("%s at DR%d: %+v %v; %+v", cfg.Name, cfg.DR, r, err, far.Counts())
			}
		})
	}
	work.Wait()
}
