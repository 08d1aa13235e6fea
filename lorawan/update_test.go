package lorawan_test

import (
	"context"
	"testing"
	"time"

	"havn/link/mqtt/mqtttest"
	"havn/lorawan"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/telemetry"
)

// TestUpdate: devices at three data rates update under loss, whatever the
// server speaks.
func TestUpdate(t *testing.T) {
	for _, e := range wire.Encodings() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s := newEdge(t, chirpstacktest.Config{Encoding: e, Seed: 1}, lorawan.Shard{})
			var devices []chirpstacktest.DeviceConfig
			for _, dr := range []int{0, 3, 5, 0, 3, 5} {
				devices = append(devices, chirpstacktest.DeviceConfig{DR: dr, UpLoss: 0.1, DownLoss: 0.1})
			}
			s.update(devices...)
			if st := s.Stats(); st.WritesQueued > 1 || st.Oversize+st.Refused+st.Duplicates > 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestFleet: a hundred devices at the pace of a real network server. Only the
// seconds that a device listens before its window are left out: the server does
// not know of them.
func TestFleet(t *testing.T) {
	t.Parallel()
	timing := clock.Measured()
	timing.RX1Delay, timing.RX2Gap = 0, 0
	s := newEdge(t, chirpstacktest.Config{Encoding: wire.JSONv3, Seed: 2, Timing: timing}, lorawan.Shard{})
	devices := make([]chirpstacktest.DeviceConfig, 100)
	for i := range devices {
		devices[i] = chirpstacktest.DeviceConfig{DR: []int{0, 3, 5}[i%3], UpLoss: 0.1, DownLoss: 0.1}
	}
	s.update(devices...)
	st := s.Stats()
	if st.WritesQueued > 1 || st.Oversize > 0 {
		t.Errorf("%+v", st.Counts)
	}
	t.Logf("%d uplinks, %d answered in their window, %d late", st.Uplinks, st.Used, st.Late)
}

// TestUpdateLearns: a network server with a larger RX1 offset than configured
// refuses once or twice, and then no more.
func TestUpdateLearns(t *testing.T) {
	t.Parallel()
	radio := region.Config{Region: "EU868", RX1DROffset: 3}
	for e, most := range map[wire.Encoding]int{
		wire.JSONv3: 2, wire.V4: 1,
	} {
		s := newEdge(t, chirpstacktest.Config{Encoding: e, Radio: radio}, lorawan.Shard{})
		s.update(chirpstacktest.DeviceConfig{DR: 5})
		if st := s.Stats(); st.Oversize != most || st.WritesQueued > 1 {
			t.Errorf("%s: %+v", e, st.Counts)
		}
	}
}

// TestUpdateStarved: MAC commands in every downlink slow an update down, and
// do not stop it where what starves expires.
func TestUpdateStarved(t *testing.T) {
	t.Parallel()
	s := newEdge(t, chirpstacktest.Config{Encoding: wire.V4}, lorawan.Shard{})
	s.update(chirpstacktest.DeviceConfig{DR: 0, FOpts: 1, Interval: 20 * time.Millisecond})
	if st := s.Stats(); st.WritesQueued > 1 || st.Starved == 0 {
		t.Errorf("%+v", st.Counts)
	}
}

// TestUpdateFaults: radio gateways that fail, and answers that are late.
func TestUpdateFaults(t *testing.T) {
	t.Parallel()
	n := 0
	faults := []chirpstacktest.Fault{
		"", chirpstacktest.TooLate, "", chirpstacktest.Collision, "", chirpstacktest.RX1Impossible,
	}
	s := newEdge(t, chirpstacktest.Config{Forwarder: func(event.DevEUI) chirpstacktest.Fault {
		n++
		return faults[n%len(faults)]
	}}, lorawan.Shard{})
	s.update(chirpstacktest.DeviceConfig{DR: 3}, chirpstacktest.DeviceConfig{DR: 5, DownLoss: 0.1})
	if st := s.Stats(); st.WritesQueued > 1 || st.GatewayError == 0 {
		t.Errorf("%+v", st.Counts)
	}
}

// TestClassC: a device that always listens updates as well.
func TestClassC(t *testing.T) {
	t.Parallel()
	s := newEdge(t, chirpstacktest.Config{}, lorawan.Shard{},
		func(c *lorawan.Config) { c.Radio.Window = region.ClassC })
	s.update(chirpstacktest.DeviceConfig{DR: 5, Class: chirpstacktest.ClassC})
	if st := s.Stats(); st.WritesQueued > 1 || st.Oversize > 0 {
		t.Errorf("%+v", st.Counts)
	}
}

// TestTwoGateways: two gateways on one broker share the devices.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	s := newEdge(t, chirpstacktest.Config{}, lorawan.Shard{Index: 0, Of: 2})
	cfg := network()
	cfg.MQTT.URL = s.broker
	other := newNetwork(t, cfg, s.shelf, lorawan.Shard{Index: 1, Of: 2}, s.inbox)
	begin(t, other.Run)
	await(t, other)
	var devices [6]chirpstacktest.DeviceConfig
	for i := range devices {
		devices[i].DR = 5
	}
	s.update(devices[:]...)
	a, b := s.network.Stats(), other.Stats()
	if n := s.Stats().WritesQueued; n > 1 || a.Chunks.Load() == 0 || b.Chunks.Load() == 0 {
		t.Errorf("%d Writes queued, %d and %d sent", n, a.Chunks.Load(), b.Chunks.Load())
	}
	if a.Elsewhere.Load() == 0 || b.Elsewhere.Load() == 0 {
		t.Error("each should have left events to the other")
	}
}

// TestBrokerRestart: the broker may be away at first, and in the middle.
func TestBrokerRestart(t *testing.T) {
	t.Parallel()
	broker, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	port := broker.Port()
	cfg := network()
	cfg.MQTT.URL = broker.URL()
	ended, stop := context.WithCancel(context.Background())
	stop()
	if err := broker.Run(ended); err != nil { // only its port is needed
		t.Fatal(err)
	}
	w := &edge{t: t, shelf: newShelf(wanted, size)}
	w.network = newNetwork(t, cfg, w.shelf, lorawan.Shard{}, telemetry.NewInbox(nil))
	w.Server, err = chirpstacktest.New(chirpstacktest.Config{Broker: broker.URL(), Timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	w.ctx = begin(t, w.network.Run, w.Server.Run)
	restart := func() func() {
		b, err := mqtttest.Listen(port)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		return func() { cancel(); <-done }
	}
	down := restart()
	<-w.Server.Ready()
	await(t, w.network)
	go func() {
		for w.network.Stats().Chunks.Load() < 10 {
			time.Sleep(time.Millisecond)
		}
		down()
		down = restart()
	}()
	w.update(chirpstacktest.DeviceConfig{DR: 3})
	down()
	if st := w.Server.Stats(); st.WritesQueued > 1 || w.network.Connections() < 2 {
		t.Errorf("%+v, %d connections", st, w.network.Connections())
	}
}
