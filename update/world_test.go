package update_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/store"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

// world is an engine in fake time with a real store, a source that tests
// steer, and a memory that tests empty.
type world struct {
	*update.Engine
	t       *testing.T
	dir     string
	src     *source
	images  *images
	store   *store.Store
	desired *desired.Directory
	cfg     update.Config
	stop    func()
	disk    disk

	back     time.Duration      // how far the engine's clock was set back
	reporter status.Reporter    // nil: none
	registry firmware.Directory // nil: none
}

// newWorld starts an engine whose every device of application "app" should run
// image "fw". It must be called in a synctest bubble.
func newWorld(t *testing.T, change ...func(*update.Config)) *world {
	w := &world{t: t, dir: t.TempDir(), src: &source{images: map[string]firmware.Metadata{}}}
	w.src.data = map[firmware.Digest][]byte{}
	w.images = &images{src: w.src, held: map[firmware.Digest]*firmware.Image{}, retained: map[firmware.Digest]time.Time{}}
	w.cfg = update.Config{
		Poll: 300 * time.Second, Retry: 5 * time.Second, MaxVersion: 16, Abandon: 30 * 24 * time.Hour,
		UnknownInFlight: update.InFlightWait, Refresh: time.Minute, MaxDevices: 1000,
	}
	for _, c := range change {
		c(&w.cfg)
	}
	w.start()
	return w
}

func container(image string) firmware.Spec {
	return firmwaretest.Spec(image)
}

func (w *world) start() {
	var err error
	if w.store, err = store.Open(w.dir, firmware.Kinds{firmwaretest.Kind}); err != nil {
		w.t.Fatal(err)
	}
	w.desired = desired.New([]desired.Rule{{Application: "app", Spec: container("fw")}}, w.registry)
	w.Engine, err = update.New(w.cfg, update.Parts{
		Desired: w.desired, Source: w.src, Images: w.images, Store: faulty{w.store, &w.disk},
		Reporter: w.reporter, Clock: func() time.Time { return time.Now().Add(-w.back) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		if err := w.store.Close(); err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

// disk is what tests see and spoil of the writes of rows.
type disk struct {
	writes atomic.Int32
	full   atomic.Bool
	deaf   atomic.Bool // rows are taken and not written

	saving func([]row.Record) // told what rows are saved; may be nil

	resolving func(firmware.Metadata) // told what a spec resolved to before it is stored; may be nil
}

// faulty is a store on a disk.
type faulty struct {
	*store.Store
	*disk
}

func (f faulty) SaveRows(save []row.Record, drop []dfu.Device) error {
	if f.full.Load() {
		return syscall.ENOSPC
	}
	f.writes.Add(1)
	if f.saving != nil {
		f.saving(save)
	}
	if f.deaf.Load() {
		return nil
	}
	return f.Store.SaveRows(save, drop)
}

func (f faulty) SaveResolution(spec string, m firmware.Metadata) error {
	if f.resolving != nil {
		f.resolving(m)
	}
	return f.Store.SaveResolution(spec, m)
}

// restart ends the engine and starts another on the same state. Memory is empty.
func (w *world) restart() {
	w.stop()
	w.images.evict()
	w.start()
}

// tick lets fake time pass, and all it causes happen.
func (w *world) tick(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// publish makes name resolve to n bytes of version.
func (w *world) publish(name, version string, n int) firmware.Metadata {
	data := bytes.Repeat([]byte(version+name), n)[:n]
	m := firmware.Metadata{
		Version: version, Digest: sha256.Sum256(data), Size: uint32(n),
		Origin: firmware.Origin{Kind: firmwaretest.Kind.Name, Repository: name},
	}
	w.src.put(name, m, data)
	return m
}

// refresh makes the engine see what was published.
func (w *world) refresh() {
	w.Refresh()
	synctest.Wait()
}

var limits = update.Limits{Payload: 1100, Write: 1024, Align: 4}

func (w *world) ask(device string, st dfu.Status) dfu.Command {
	row := w.Lookup("coap", []byte("app"), []byte(device), time.Now())
	cmd := w.Request(row, &st, limits, time.Now())
	synctest.Wait()
	return cmd
}

func running(version string) dfu.Status { return dfu.Status{Version: []byte(version)} }

func at(version, to string, offset uint32) dfu.Status {
	st := running(version)
	st.Updating, st.Update = true, dfu.Progress{Version: []byte(to), Offset: offset}
	return st
}

func (w *world) expect(cmd dfu.Command, op dfu.Op, version string, offset uint32) {
	w.t.Helper()
	if cmd.Op != op || string(cmd.Version) != version || cmd.Offset != offset {
		w.t.Fatalf("got %v %q at %d, want %v %q at %d", cmd.Op, cmd.Version, cmd.Offset, op, version, offset)
	}
}

func (w *world) view(device string) status.Status {
	w.t.Helper()
	v, err := w.Device(dfu.Device{Application: "app", Name: device})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) expectState(device string, want status.State) status.Status {
	w.t.Helper()
	v := w.view(device)
	if v.State != want {
		w.t.Fatalf("state %s (%s), want %s", v.State, v.Error, want)
	}
	return v
}
