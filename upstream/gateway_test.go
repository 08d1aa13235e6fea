package upstream_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/store"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
	"havn/upstream"
	"havn/upstream/spool"
)

var errKilled = errors.New("killed")

// fuse kills a process at one of its writes: that one is made or not, and
// nothing is after it.
type fuse struct {
	mu    sync.Mutex
	left  int  // writes until it burns; below 0 = never
	after bool // the last write is made
	burnt bool
}

func (f *fuse) write(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.burnt {
		return errKilled
	}
	if f.left--; f.left != -1 {
		return do()
	}
	f.burnt = true
	if f.after {
		_ = do()
	}
	return errKilled
}

func (f *fuse) burn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.burnt = true
}

func (f *fuse) isBurnt() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.burnt
}

// The gateway's files and its way out, behind the fuse.
type (
	mortalStore struct {
		update.Store
		*fuse
	}
	mortalSpool struct {
		upstream.Spool
		*fuse
	}
	mortalCloud struct {
		*cloud
		*fuse
	}
)

func (m mortalStore) SaveRows(save []row.Record, drop []dfu.Device) error {
	return m.write(func() error { return m.Store.SaveRows(save, drop) })
}

func (m mortalStore) SaveVersion(app string, v firmware.Metadata) error {
	return m.write(func() error { return m.Store.SaveVersion(app, v) })
}

func (m mortalStore) SaveResolution(spec string, v firmware.Metadata) error {
	return m.write(func() error { return m.Store.SaveResolution(spec, v) })
}

func (m mortalSpool) Append(e []upstream.Entry) error {
	return m.write(func() error { return m.Spool.Append(e) })
}

func (m mortalSpool) Settle(line string, d []upstream.Entry, r []upstream.Refusal) error {
	return m.write(func() error { return m.Spool.Settle(line, d, r) })
}

func (m mortalCloud) Publish(ctx context.Context, e *upstream.Event) error {
	if m.isBurnt() {
		return errKilled
	}
	return m.cloud.Publish(ctx, e)
}

// gateway is the real engine on its store, with the real forwarder on its spool.
type gateway struct {
	*update.Engine
	t      *testing.T
	dir    string
	clouds []*cloud
	images *images
	spool  *spool.Spool
	fuse   *fuse
	stop   func()
}

func newGateway(t *testing.T, clouds ...*cloud) *gateway {
	g := &gateway{t: t, dir: t.TempDir(), clouds: clouds, images: &images{data: map[firmware.Digest][]byte{}}}
	g.publish("v1", 3000)
	g.start(&fuse{left: -1})
	return g
}

func (g *gateway) start(f *fuse) {
	g.fuse = f
	db, err := store.Open(g.dir, firmware.Kinds{firmwaretest.Kind})
	if err != nil {
		g.t.Fatal(err)
	}
	var publishers []upstream.Publisher
	for _, c := range g.clouds {
		publishers = append(publishers, mortalCloud{c, f})
	}
	g.spool, err = spool.Open(g.dir, spool.Config{}, upstream.Names(publishers), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	forwarder := upstream.New(mortalSpool{g.spool, f}, publishers, nil)
	cfg := update.Config{
		Poll: time.Minute, Retry: time.Second, Refresh: 20 * time.Second, MaxDevices: 1 << 20,
		UnknownInFlight: update.InFlightRestart, Pace: row.Pace{ProgressEvery: 5, MinInterval: 10 * time.Second},
	}
	g.Engine, err = update.New(cfg, update.Parts{
		Desired: desired.New([]desired.Rule{{Application: "app", Spec: spec}}, nil),
		Source:  g.images, Images: g.images, Store: mortalStore{db, f}, Reporter: forwarder,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	if g.spool.Fresh() {
		g.Rows().ReportAll()
	}
	g.run(db, forwarder)
}

func (g *gateway) run(db *store.Store, forwarder *upstream.Forwarder) {
	ctx, cancel := context.WithCancel(g.t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = g.Engine.Run(ctx) })
	parts.Go(func() { _ = forwarder.Run(ctx) })
	g.stop = func() {
		cancel()
		parts.Wait()
		if err := errors.Join(g.spool.Close(), db.Close()); err != nil {
			g.t.Error(err)
		}
	}
	synctest.Wait()
}

func (g *gateway) tick(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// publish makes version the firmware of all devices, from the next refresh on.
func (g *gateway) publish(version string, size int) {
	data := bytes.Repeat([]byte(version), size)[:size]
	m := firmware.Metadata{Version: version, Digest: sha256.Sum256(data), Size: uint32(size)}
	g.images.mu.Lock()
	defer g.images.mu.Unlock()
	g.images.newest, g.images.data[m.Digest] = m, data
}

// device is a simulated one, on a CBOR link.
type device struct {
	name, current, to string
	offset            uint32
}

func newDevice(i int) *device { return &device{name: fmt.Sprint("d", i), current: "v0"} }

// ask sends a Status and does what the answer says. A swap succeeds if boots.
func (d *device) ask(g *gateway, boots bool) dfu.Op {
	st := dfu.Status{Version: []byte(d.current)}
	if d.to != "" {
		st.Updating, st.Update = true, dfu.Progress{Version: []byte(d.to), Offset: d.offset}
	}
	now := time.Now()
	row := g.Lookup("coap", []byte("app"), []byte(d.name), now)
	cmd := g.Request(row, &st, update.Limits{Payload: 1100, Write: 512, Align: 4}, now)
	switch cmd.Op {
	case dfu.OpWrite:
		d.to, d.offset = string(cmd.Version), cmd.Offset+uint32(len(cmd.Data))
	case dfu.OpSwap:
		if boots {
			d.current = d.to
		}
		d.to, d.offset = "", 0
	case dfu.OpSync:
		d.to, d.offset = "", 0
	}
	return cmd.Op
}

var spec = firmwaretest.Spec("fw")

// images is source and cache: everything that was published is in memory.
type images struct {
	mu     sync.Mutex
	newest firmware.Metadata
	data   map[firmware.Digest][]byte
	held   sync.Map // digest to *firmware.Image
}

func (i *images) Resolve(context.Context, dfu.Device, firmware.Spec) (firmware.Metadata, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.newest, nil
}

func (i *images) Fetch(_ context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return io.NopCloser(bytes.NewReader(i.data[m.Digest])), nil
}

func (i *images) Get(d firmware.Digest) *firmware.Image {
	img, _ := i.held.Load(d)
	held, _ := img.(*firmware.Image)
	return held
}

func (i *images) Find([]byte) *firmware.Image { return nil }

func (i *images) Load(_ context.Context, m firmware.Metadata) (*firmware.Image, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	img, err := firmware.NewImage(m, i.data[m.Digest])
	if err == nil {
		i.held.Store(m.Digest, img)
	}
	return img, err
}

func (i *images) Retain(firmware.Digest, time.Time) {}
