package chirpstacktest

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"havn/link/mqtt/mqtttest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// background runs run until the test ends, which must be without an error.
func background(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func wait(t *testing.T, what string, ready <-chan struct{}) {
	t.Helper()
	select {
	case <-ready:
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s after 10 s", what)
	}
}

// brokers returns the URLs of a running embedded broker and, where installed,
// of Mosquitto.
func brokers(t *testing.T) map[string]string {
	t.Helper()
	b, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	background(t, b.Run)
	urls := map[string]string{"embedded": b.URL()}
	m, err := mqtttest.NewMosquitto(t.TempDir())
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("Mosquitto is not installed: only the embedded broker is tested")
		return urls
	}
	if err != nil {
		t.Fatal(err)
	}
	background(t, m.Run)
	wait(t, "Mosquitto", m.Ready())
	urls["Mosquitto"] = m.URL()
	return urls
}

// patient is a timing that a busy machine keeps in real time.
func patient() clock.Timing {
	t := clock.Measured().Scaled(0.1)
	t.RX1Delay, t.RX2Gap, t.DownlinkWait = 0, 0, 400*ms
	return t
}

// TestBrokers: every encoding through every broker in real time; answers ride
// the window of their uplink.
func TestBrokers(t *testing.T) {
	for name, broker := range brokers(t) {
		for i, e := range wire.Encodings() {
			t.Run(name+"/"+string(e), func(t *testing.T) {
				t.Parallel()
				s, err := New(Config{
					Broker: broker, Encoding: e, Timing: patient(), Application: strconv.Itoa(i),
				})
				if err != nil {
					t.Fatal(err)
				}
				background(t, s.Run)
				wait(t, "server", s.Ready())
				checkExchanges(t, s, answering(t, broker, s, payload(7, 51)))
			})
		}
	}
}

func checkExchanges(t *testing.T, s *Server, a *application) {
	t.Helper()
	d, err := s.Add(DeviceConfig{EUI: one})
	if err != nil {
		t.Fatal(err)
	}
	for _, events := range [][]string{
		{"join", "up", "txack"}, {"join", "up", "txack", "up", "txack"},
	} {
		down, ok, err := d.Exchange(t.Context(), 223, []byte("up"))
		if err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
		wantPayload(t, down, payload(7, 51))
		a.await(t, events...)
	}
	if l := s.Latencies(); len(l) != 2 || slices.Min(l) <= 0 {
		t.Errorf("latencies %v", l)
	}
}

// TestRestart: while the broker is away, uplinks have no answer; when another
// is in its place, they have one again.
func TestRestart(t *testing.T) {
	b, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	stop := background(t, b.Run)
	s, err := New(Config{Broker: b.URL(), Timing: patient()})
	if err != nil {
		t.Fatal(err)
	}
	background(t, s.Run)
	wait(t, "server", s.Ready())
	answering(t, b.URL(), s, payload(7, 9))
	d, err := s.Add(DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := d.Exchange(t.Context(), 223, nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stop()
	if _, ok, err := d.Exchange(t.Context(), 223, nil); ok || err != nil {
		t.Errorf("answered without a broker: %v", err)
	}
	if s.Stats().EventsLost == 0 {
		t.Error("no event was lost")
	}
	if b, err = mqtttest.Listen(b.Port()); err != nil {
		t.Fatal(err)
	}
	background(t, b.Run)
	for ok := false; !ok; {
		if _, ok, err = d.Exchange(t.Context(), 223, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoBroker(t *testing.T) {
	for _, broker := range []string{"", "127.0.0.1:1883", "mqtt://"} {
		s, err := New(Config{Broker: broker})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); err == nil {
			t.Errorf("%q is no URL", broker)
		}
	}
	s, err := New(Config{Broker: "mqtt://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	stop := background(t, s.Run)
	stop() // ends although it never connected
}

func TestPortTaken(t *testing.T) {
	b, err := mqtttest.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	background(t, b.Run)
	if _, err := mqtttest.Listen(b.Port()); err == nil {
		t.Error("two brokers on one port")
	}
}

// TestThousands: 3000 devices that lose a tenth both ways, no goroutine for any.
func TestThousands(t *testing.T) {
	simulate(t, Config{}, func(t *testing.T, n *network) {
		n.answer = func(n *network, eui string) {
			e, _ := event.ParseDevEUI(eui)
			n.down(n.devices[e], payload(1, 40))
		}
		var all []*Device
		for i := range 3000 {
			eui := event.DevEUI{1, 0, 0, 0, 0, 0, byte(i >> 8), byte(i)}
			all = append(all, n.add(DeviceConfig{
				EUI: eui, Interval: time.Minute, UpLoss: 0.1, DownLoss: 0.1,
			}))
		}
		before := runtime.NumGoroutine()
		var callers sync.WaitGroup
		for _, d := range all {
			callers.Go(func() {
				for range 3 {
					n.exchange(d)
				}
			})
		}
		time.Sleep(90 * time.Second)
		if extra := runtime.NumGoroutine() - before - len(all); extra > 0 {
			t.Errorf("%d goroutines more than callers", extra)
		}
		callers.Wait()
		c := n.Stats()
		if c.Uplinks < 7900 || c.Uplinks > 8300 || c.Used != c.Uplinks || c.WritesQueued != 0 {
			t.Errorf("%+v", c)
		}
	})
}
