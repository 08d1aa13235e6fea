package mqtt_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/link/mqtt"
	"havn/link/mqtt/mqtttest"
)

// TestMosquitto: messages of both kinds flow through a real broker, and its end
// is noticed.
func TestMosquitto(t *testing.T) {
	b, err := mqtttest.NewMosquitto(t.TempDir())
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	received := make(chan string, 10)
	c, err := mqtt.New(mqtt.Config{URL: b.URL()}, mqtt.Parts{
		Pace: mqtt.Near, Filters: func() []string { return []string{"a/#"} }, QoS: 1,
		Receive: func(topic string, payload []byte) { received <- topic + " " + string(payload) },
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	var all errgroup.Group
	running, away := context.WithCancel(t.Context())
	all.Go(func() error { return b.Run(running) })
	ctx, stop := context.WithCancel(t.Context())
	all.Go(func() error { return c.Run(ctx) })
	defer func() {
		away()
		stop()
		if err := all.Wait(); err != nil {
			t.Error(err)
		}
	}()
	until(t, c.Connected)
	if err := errors.Join(c.Publish("a/1", []byte("x")), c.Publish("a/2", nil)); err != nil {
		t.Fatal(err)
	}
	m := mqtt.Message{Topic: "a/3", ContentType: "text/plain", Payload: make([]byte, 100_000)}
	if err := c.Deliver(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a/1 x", "a/2 ", "a/3 " + string(m.Payload)} {
		if got := <-received; got != want {
			t.Errorf("received %.20q, want %.20q", got, want)
		}
	}
	away()
	until(t, func() bool { return !c.Connected() })
	if err := c.Deliver(t.Context(), m); !errors.Is(err, mqtt.ErrAway) {
		t.Error(err)
	}
}

func until(t *testing.T, what func() bool) {
	for deadline := time.Now().Add(10 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time")
		}
	}
}
