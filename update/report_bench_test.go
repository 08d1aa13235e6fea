package update_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/store"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

// BenchmarkReport is the report of a device: its row looked up, the request
// answered, the row marked for the flusher, while the flusher stores and hands
// on.
func BenchmarkReport(b *testing.B) {
	u := &upstream{}
	w := benchWorld(b, u)
	app, st, now := []byte("app"), at("v1", "v2", 1000), time.Now()
	names := make([][]byte, 1000)
	for i := range names {
		names[i] = fmt.Appendf(nil, "device-%d", i)
		w.Request(w.Lookup("coap", app, names[i], now), &st, limits, now)
	}
	w.Rows().Flush()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		st.Update.Offset = uint32(i/len(names)) % 500 * 4
		w.Request(w.Lookup("coap", app, names[i%len(names)], now), &st, limits, now)
	}
}

// benchWorld runs an engine in real time.
func benchWorld(b *testing.B, r status.Reporter) *update.Engine {
	w := &world{src: &source{images: map[string]firmware.Metadata{}, data: map[firmware.Digest][]byte{}}}
	w.images = &images{src: w.src, held: map[firmware.Digest]*firmware.Image{}, retained: map[firmware.Digest]time.Time{}}
	w.publish("fw", "v2", 2000)
	db, err := store.Open(b.TempDir(), firmware.Kinds{firmwaretest.Kind})
	if err != nil {
		b.Fatal(err)
	}
	cfg := update.Config{
		Poll: time.Minute, Retry: time.Second, Refresh: time.Minute, MaxDevices: 1 << 20,
		Pace: row.Pace{ProgressEvery: 5, MinInterval: 10 * time.Second},
	}
	e, err := update.New(cfg, update.Parts{
		Desired: desired.New([]desired.Rule{{Application: "app", Spec: container("fw")}}, nil),
		Source:  w.src, Images: w.images, Store: db, Reporter: r,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done; _ = db.Close() })
	row := e.Lookup("coap", []byte("app"), []byte("first"), time.Now())
	for _, err := e.Target(row, time.Now()); err != nil; _, err = e.Target(row, time.Now()) {
		runtime.Gosched() // the lookup runs behind
	}
	return e
}

// BenchmarkFlush is one flush of 10 000 devices that were all heard, of which
// the Reporter is told nothing new.
func BenchmarkFlush(b *testing.B) {
	e := benchWorld(b, &upstream{})
	app, st := []byte("app"), at("v1", "v2", 1000)
	names := make([][]byte, 10000)
	for i := range names {
		names[i] = fmt.Appendf(nil, "device-%d", i)
	}
	for b.Loop() {
		now := time.Now()
		for _, name := range names {
			e.Request(e.Lookup("coap", app, name, now), &st, limits, now)
		}
		e.Rows().Flush()
	}
}
