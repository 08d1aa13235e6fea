package coap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"go.uber.org/goleak"

	codec "havn/coap/message"
	"havn/coap/udp"
	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/front"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The firmware of the tests, by name: each is desired for the device of the
// same name in application "edge".
var firmwares = map[string]int{
	"blinky": 5000,      // 4 whole blocks and a part
	"exact":  2048,      // no part
	"tiny":   10,        // less than any block
	"huge":   1<<24 + 1, // one byte more than 2^20 blocks of 16
	"slow":   100,       // known, but not held
}

var now = time.Unix(1_800_000_000, 0)

var peer = udp.Peer{Addr: netip.MustParseAddrPort("10.1.2.3:40000"), Received: now}

// world is an engine that knows the firmwares, held in memory.
type world struct {
	engine  *update.Engine
	handler *Handler
	images  map[string]*firmware.Image
	cloud   *cloud
	log     *bytes.Buffer
}

func newWorld(t testing.TB, c Chunks) *world {
	t.Helper()
	var rules []desired.Rule
	for name := range firmwares {
		rules = append(rules, desired.Rule{Application: "edge", Device: name,
			Spec: firmwaretest.Spec(name)})
	}
	rules = append(rules, desired.Rule{Application: "edge", Device: "broken"}) // names no source
	ready := make(chan struct{}, len(firmwares))
	e, err := update.New(
		update.Config{Poll: 300 * time.Second, Retry: 4500 * time.Millisecond, MaxVersion: 16,
			Refresh: time.Hour, Abandon: time.Hour, MaxDevices: 10_000},
		update.Parts{Desired: desired.New(rules, nil), Source: source{},
			Images: newShelf(ready), Store: ledger{ready: ready}})
	if err != nil {
		t.Fatal(err)
	}
	resolve(e, ready)
	w := &world{engine: e, images: images(), cloud: new(cloud), log: new(bytes.Buffer)}
	w.handler, err = NewHandler(Setup{Config{Application: "edge"}, c}, front.Parts{
		Engine: e, Upstream: w.cloud.upstream(), Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// resolve lets the engine work until it has looked up all firmwares.
func resolve(e *update.Engine, ready <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Run(ctx) })
	for name := range firmwares {
		e.Lookup("coap", []byte("edge"), []byte(name), now)
	}
	for range firmwares {
		<-ready
	}
	cancel()
	run.Wait()
}

// images are the firmwares' bytes, the same in all worlds.
var images = sync.OnceValue(func() map[string]*firmware.Image {
	all := map[string]*firmware.Image{}
	for name, size := range firmwares {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		m := firmware.Metadata{Digest: sha256.Sum256(data), Size: uint32(size)}
		img, err := firmware.NewImage(m, data)
		if err != nil {
			panic(err)
		}
		all[name] = img
	}
	return all
})

// source resolves every file at once; its version is "2-" and its name.
type source struct{ firmware.Source }

func (source) Resolve(
	_ context.Context, _ dfu.Device, spec firmware.Spec,
) (firmware.Metadata, error) {
	name := spec.Key()
	img := images()[name]
	return firmware.Metadata{Version: "2-" + name, Digest: img.Digest, Size: img.Size(),
		Origin: firmware.Origin{Repository: name}}, nil
}

// shelf is a cache that holds all images but the slow one.
type shelf struct {
	held  map[firmware.Digest]*firmware.Image
	ready chan<- struct{}
}

func newShelf(ready chan<- struct{}) shelf {
	s := shelf{map[firmware.Digest]*firmware.Image{}, ready}
	for name, img := range images() {
		if name != "slow" {
			s.held[img.Digest] = img
		}
	}
	return s
}

func (s shelf) Get(d firmware.Digest) *firmware.Image { return s.held[d] }

func (s shelf) Find(prefix []byte) *firmware.Image {
	for d, img := range s.held {
		if bytes.HasPrefix(d[:], prefix) {
			return img
		}
	}
	return nil
}

func (s shelf) Load(_ context.Context, m firmware.Metadata) (*firmware.Image, error) {
	if m.Origin.Repository == "slow" {
		s.ready <- struct{}{}
		return nil, errors.New("the source is away")
	}
	return s.held[m.Digest], nil
}

func (s shelf) Retain(firmware.Digest, time.Time) {}

// ledger is a store that forgets, and tells when a firmware is looked up.
type ledger struct {
	update.Store
	ready chan<- struct{}
}

func (l ledger) LoadVersions(func(string, firmware.Metadata)) error    { return nil }
func (l ledger) SaveVersion(string, firmware.Metadata) error           { return nil }
func (l ledger) LoadResolutions(func(string, firmware.Metadata)) error { return nil }
func (l ledger) SaveResolution(string, firmware.Metadata) error {
	l.ready <- struct{}{}
	return nil
}
func (l ledger) LoadRows(func(row.Record)) error           { return nil }
func (l ledger) SaveRows([]row.Record, []dfu.Device) error { return nil }
func (l ledger) LoadAssignments() (map[dfu.Device]firmware.Spec, error) {
	return map[dfu.Device]firmware.Spec{}, nil
}

// ask hands a request to the handler and checks what holds for every response.
func (w *world) ask(t testing.TB, m msg) msg {
	t.Helper()
	raw := w.handler.Handle(nil, m.bytes(), peer)
	if len(raw) == 0 || len(raw) > codec.MaxSize {
		t.Fatalf("%+v: a reply of %d bytes", m, len(raw))
	}
	got := read(t, raw)
	if got.token != m.token {
		t.Errorf("%+v: token %x, want %x", m, got.token, m.token)
	}
	wantType := message.NonConfirmable
	if m.typ == message.Confirmable {
		wantType = message.Acknowledgement
		if got.mid != m.mid {
			t.Errorf("%+v: message ID %#x, want %#x", m, got.mid, m.mid)
		}
	}
	if got.typ != wantType {
		t.Errorf("%+v: type %v, want %v", m, got.typ, wantType)
	}
	return got
}
