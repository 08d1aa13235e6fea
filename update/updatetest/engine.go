// Package updatetest makes engines for the tests of fronts: an engine of package
// update that holds one image, for all devices of one application, and forgets what
// it is told to store.
package updatetest

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

// Application is the application whose devices get the firmware.
const Application = "edge"

// Firmware is an image and the version that it is.
type Firmware struct {
	Version string
	Data    []byte
}

// New returns a firmware of size bytes, always the same for one size.
func New(version string, size int) Firmware {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(data)
	return Firmware{version, data}
}

// Engine returns an engine that holds f. It has looked up what there is, and runs
// no more.
func (f Firmware) Engine(t testing.TB) *update.Engine {
	t.Helper()
	rule := desired.Rule{Application: Application, Spec: firmwaretest.Spec("fw")}
	shelf := newShelf(t, f)
	e, err := update.New(
		update.Config{Poll: 300 * time.Second, Retry: time.Second, MaxVersion: 16,
			Refresh: time.Hour, Abandon: time.Hour, MaxDevices: 10_000},
		update.Parts{Desired: desired.New([]desired.Rule{rule}, nil),
			Source: shelf, Images: shelf, Store: store{shelf: shelf}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Run(ctx) })
	<-shelf.ready
	cancel()
	run.Wait()
	return e
}

// shelf is the source and the cache of one firmware.
type shelf struct {
	firmware.Source
	metadata firmware.Metadata
	image    *firmware.Image
	ready    chan struct{} // the firmware is looked up
}

func newShelf(t testing.TB, f Firmware) *shelf {
	t.Helper()
	m := firmware.Metadata{Version: f.Version, Digest: sha256.Sum256(f.Data), Size: uint32(len(f.Data))}
	img, err := firmware.NewImage(m, f.Data)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{metadata: m, image: img, ready: make(chan struct{}, 1)}
}

// Resolve implements firmware.Source.
func (s *shelf) Resolve(context.Context, dfu.Device, firmware.Spec) (firmware.Metadata, error) {
	return s.metadata, nil
}

// Get implements update.Images.
func (s *shelf) Get(firmware.Digest) *firmware.Image { return s.image }

// Find implements update.Images.
func (s *shelf) Find([]byte) *firmware.Image { return nil }

// Load implements update.Images.
func (s *shelf) Load(context.Context, firmware.Metadata) (*firmware.Image, error) {
	return s.image, nil
}

// Retain implements update.Images.
func (s *shelf) Retain(firmware.Digest, time.Time) {}

// store forgets, and tells when the firmware is looked up.
type store struct {
	update.Store
	*shelf
}

func (s store) LoadVersions(func(string, firmware.Metadata)) error    { return nil }
func (s store) SaveVersion(string, firmware.Metadata) error           { return nil }
func (s store) LoadResolutions(func(string, firmware.Metadata)) error { return nil }
func (s store) SaveResolution(string, firmware.Metadata) error {
	select {
	case s.ready <- struct{}{}:
	default:
	}
	return nil
}
func (s store) LoadRows(func(row.Record)) error           { return nil }
func (s store) SaveRows([]row.Record, []dfu.Device) error { return nil }
func (s store) LoadAssignments() (map[dfu.Device]firmware.Spec, error) {
	return map[dfu.Device]firmware.Spec{}, nil
}
