package update_test

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
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

// neighbours are a source, a store, a cache, a reporter and a registry that call
// the engine back. Where the engine holds a lock over a call to one of them, that
// is a deadlock: the test ends by its timeout, with the stack of who holds it.
type neighbours struct {
	*source
	*store.Store
	*images

	engine atomic.Pointer[update.Engine]
	calls  sync.Map // how often each was called, by name
}

func (n *neighbours) back(call string) {
	count, _ := n.calls.LoadOrStore(call, new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
	e := n.engine.Load()
	if e == nil {
		return // not yet open
	}
	e.Devices("")
	e.Count()
	e.Releases().Offers()
	e.Lookup("coap", []byte("app"), []byte("from "+call), time.Now())
	e.Reassign(dfu.Device{Application: "app", Name: "d"})
}

func (n *neighbours) Resolve(ctx context.Context, d dfu.Device, s firmware.Spec) (firmware.Metadata, error) {
	n.back("Resolve")
	return n.source.Resolve(ctx, d, s)
}

func (n *neighbours) Load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	n.back("Load")
	return n.images.Load(ctx, m)
}

func (n *neighbours) SaveVersion(app string, m firmware.Metadata) error {
	n.back("SaveVersion")
	return n.Store.SaveVersion(app, m)
}

func (n *neighbours) SaveResolution(spec string, m firmware.Metadata) error {
	n.back("SaveResolution")
	return n.Store.SaveResolution(spec, m)
}

func (n *neighbours) SaveRows(save []row.Record, drop []dfu.Device) error {
	n.back("SaveRows")
	return n.Store.SaveRows(save, drop)
}

func (n *neighbours) SaveAssignment(d dfu.Device, s *firmware.Spec) error {
	n.back("SaveAssignment")
	return n.Store.SaveAssignment(d, s)
}

func (n *neighbours) Report([]status.Change) error {
	n.back("Report")
	return nil
}

// open runs an engine among neighbours until the end of the test.
func open(t *testing.T) *neighbours {
	st, err := store.Open(t.TempDir(), firmware.Kinds{firmwaretest.Kind})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, src: &source{images: map[string]firmware.Metadata{}, data: map[firmware.Digest][]byte{}}}
	n := &neighbours{source: w.src, Store: st}
	n.images = &images{src: n.source, held: map[firmware.Digest]*firmware.Image{}, retained: map[firmware.Digest]time.Time{}}
	for i := range 4 {
		w.publish(fmt.Sprint("fw", i), fmt.Sprint("v", i), 2050+i)
	}
	e, err := update.New(update.Config{
		Poll: time.Minute, Retry: time.Second, MaxVersion: 16, Abandon: time.Hour,
		UnknownInFlight: update.InFlightWait, Refresh: time.Minute, MaxDevices: 16,
	}, update.Parts{
		Desired: desired.New([]desired.Rule{{Application: "app", Spec: container("fw0")}}, nil),
		Source:  n, Images: n, Store: n, Reporter: n,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.engine.Store(e)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return n
}

// use does one thing to the engine that a front or an operator may do.
func (n *neighbours) use(rng *rand.Rand) {
	e, now := n.engine.Load(), time.Now()
	dev := dfu.Device{Application: "app", Name: fmt.Sprint("d", rng.Intn(24))}
	row := e.Lookup("coap", []byte(dev.Application), []byte(dev.Name), now)
	spec, version := container(fmt.Sprint("fw", rng.Intn(4))), fmt.Sprint("v", rng.Intn(6))
	switch rng.Intn(12) {
	case 0:
		_ = e.Assign(context.Background(), dev, spec)
	case 1:
		_ = e.Unassign(dev)
	case 2:
		_ = e.Forget(dev)
	case 3:
		_ = e.RetryDevice(dev)
	case 4:
		e.Refresh()
	case 5:
		e.Rows().ReportAll()
	case 6:
		e.Rows().Flush()
	case 7:
		e.Report(row, []byte(version), now)
	case 8:
		if img, err := e.Image(row, 0, 1024, now); err == nil {
			e.Served(row, img, img.Size(), now)
		}
	case 9:
		st := running(version)
		e.Request(row, &st, limits, now)
	default:
		st := at("v9", version, 2050)
		e.Request(row, &st, limits, now)
	}
}

// Whoever calls what at the same time: nobody waits for ever, no lock is held over
// a call to a neighbour, and the race detector has nothing to say.
func TestLocksInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := open(t)
		var callers sync.WaitGroup
		for seed := range 8 {
			callers.Go(func() {
				rng := rand.New(rand.NewSource(int64(seed)))
				for range 100 {
					n.use(rng)
					time.Sleep(time.Duration(rng.Intn(500)) * time.Millisecond)
				}
			})
		}
		callers.Wait()
		time.Sleep(2 * time.Minute) // a sweep and a flush
		synctest.Wait()
		for _, call := range []string{
			"Resolve", "Load", "SaveVersion", "SaveResolution", "SaveRows", "SaveAssignment", "Report",
		} {
			if _, called := n.calls.Load(call); !called {
				t.Errorf("%s was never called", call)
			}
		}
	})
}
