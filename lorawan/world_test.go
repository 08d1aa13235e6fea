package lorawan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/front"
	"havn/link/mqtt"
	"havn/lorawan"
	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/telemetry"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	running = "0.1.0"
	wanted  = "0.1.1"
	size    = 4096 // of the wanted image
)

var start = time.Unix(1_800_000_000, 0)

// shelf is a store and a cache with one image in it, that everybody should run.
type shelf struct {
	update.Store
	meta  firmware.Metadata
	image *firmware.Image
}

func newShelf(version string, n int) shelf {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	m := firmware.Metadata{Version: version, Digest: sha256.Sum256(data), Size: uint32(n)}
	img, err := firmware.NewImage(m, data)
	if err != nil {
		panic(err)
	}
	return shelf{meta: m, image: img}
}

func (s shelf) LoadVersions(each func(string, firmware.Metadata)) error {
	each("edge", s.meta)
	return nil
}
func (s shelf) LoadResolutions(each func(string, firmware.Metadata)) error {
	each(spec.Key(), s.meta)
	return nil
}
func (s shelf) LoadRows(func(row.Record)) error                        { return nil }
func (s shelf) LoadAssignments() (map[dfu.Device]firmware.Spec, error) { return nil, nil }
func (s shelf) Get(firmware.Digest) *firmware.Image                    { return s.image }
func (s shelf) Find([]byte) *firmware.Image                            { return s.image }
func (s shelf) Load(context.Context, firmware.Metadata) (*firmware.Image, error) {
	return s.image, nil
}
func (s shelf) Retain(firmware.Digest, time.Time) {}

var spec = firmwaretest.Spec("fw")

// newEngine returns an engine that wants every device to run the image of s. It
// need not run.
func newEngine(t testing.TB, s shelf) *update.Engine {
	t.Helper()
	e, err := update.New(
		update.Config{Poll: 300 * time.Second, Retry: 5 * time.Second, MaxVersion: 32,
			Refresh: time.Hour, Abandon: time.Hour, MaxDevices: 100_000},
		update.Parts{Desired: desired.New([]desired.Rule{{Spec: spec}}, nil), Images: s, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// world is a handler whose clock tests move.
type world struct {
	*lorawan.Handler
	t      testing.TB
	engine *update.Engine
	image  []byte
	log    *bytes.Buffer
	now    time.Time
	fCnt   uint32

	told     []string // telemetry: APPLICATION/DEVICE CHANNEL TYPE PAYLOAD
	away     error
	commands []telemetry.Command // for the sensor
}

type settings struct {
	cfg    lorawan.Config
	chunks lorawan.Chunks
	shard  lorawan.Shard
	shelf  shelf
}

func network() lorawan.Config {
	return lorawan.Config{
		Name: "site", Server: lorawan.ChirpStackV3, Application: "edge", Radio: region.Config{Region: "EU868"},
		MQTT: mqtt.Config{URL: "mqtt://127.0.0.1:1883"},
	}
}

func newWorld(t testing.TB, change ...func(*settings)) *world {
	t.Helper()
	s := settings{cfg: network(), shelf: newShelf(wanted, size)}
	for _, c := range change {
		c(&s)
	}
	w := &world{t: t, engine: newEngine(t, s.shelf), image: s.shelf.image.Bytes(),
		log: new(bytes.Buffer), now: start}
	var err error
	w.Handler, err = lorawan.NewHandler(lorawan.Setup{Config: s.cfg, Chunks: s.chunks, Shard: s.shard}, front.Parts{
		Engine: w.engine, Upstream: telemetry.Upstream{Telemetry: w.telemetry, Commands: w.command},
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func server(s lorawan.Server) func(*settings) { return func(x *settings) { x.cfg.Server = s } }

var sensor = event.Device{
	EUI: event.DevEUI{1, 2, 3, 4, 5, 6, 7, 8}, Name: "sensor-1",
	Application: "1", ApplicationName: "site",
}

// at is the Status of a device that has written offset bytes.
func at(offset int) dfu.Status {
	st := dfu.Status{Version: []byte(running), MTU: 1024}
	if offset > 0 {
		st.Updating, st.Update = true, dfu.Progress{Version: []byte(wanted), Offset: uint32(offset)}
	}
	return st
}

// uplink returns the next uplink of the sensor with a Status, an hour after the
// last one.
func (w *world) uplink(dr int, st dfu.Status) event.Uplink {
	w.now = w.now.Add(time.Hour / 60)
	w.fCnt++
	return event.Uplink{Device: sensor, FPort: 223, FCnt: w.fCnt, DR: dr, Payload: st.Append(nil)}
}

// handle returns the downlink for an event, and checks what holds for all.
func (w *world) handle(e event.Event) (event.Downlink, bool) {
	w.t.Helper()
	dl, ok := w.Handle(e, w.now)
	if !ok {
		return dl, false
	}
	if err := dl.Validate(); err != nil {
		w.t.Fatal(err)
	}
	up, isUp := e.(event.Uplink)
	isCommand := dl.FPort != 223 && dl.FPort != 1
	if dl.Device != e.From() || dl.Confirmed || !isCommand && (!isUp || dl.FPort != up.FPort) {
		w.t.Fatalf("%+v for %+v", dl, e)
	}
	return dl, true
}

func (w *world) telemetry(application, device, channel, contentType string, payload []byte) error {
	if w.away == nil {
		w.told = append(w.told,
			fmt.Sprintf("%s/%s %s %s %x", application, device, channel, contentType, payload))
	}
	return w.away
}

func (w *world) command(application, device string) (name string, payload []byte, ok bool) {
	if len(w.commands) == 0 || application != "edge" || device != sensor.Name {
		return "", nil, false
	}
	next := w.commands[0]
	w.commands = w.commands[1:]
	return next.Name, next.Payload, true
}

// ask sends a Status and returns the Command that came back.
func (w *world) ask(dr int, st dfu.Status) (dfu.Command, event.Downlink) {
	w.t.Helper()
	dl, ok := w.handle(w.uplink(dr, st))
	if !ok {
		w.t.Fatalf("silence; log: %s", w.log)
	}
	cmd, err := dfu.ParseCommand(dl.Payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return cmd, dl
}

// silent sends a Status that must not be answered.
func (w *world) silent(dr int, st dfu.Status) {
	w.t.Helper()
	if dl, ok := w.handle(w.uplink(dr, st)); ok {
		w.t.Fatalf("answered with %x", dl.Payload)
	}
}

// acked tells the handler that the network server has sent a downlink.
func (w *world) acked(dl event.Downlink) {
	w.t.Helper()
	w.handle(event.TxAck{Device: dl.Device, ID: dl.ID})
}

// write checks that a Command is a Write at offset and returns its length.
func (w *world) write(cmd dfu.Command, offset int) int {
	w.t.Helper()
	if cmd.Op != dfu.OpWrite || int(cmd.Offset) != offset || string(cmd.Version) != wanted ||
		!bytes.Equal(cmd.Data, w.image[offset:offset+len(cmd.Data)]) {
		w.t.Fatalf("%v %q at %d, want a Write at %d", cmd.Op, cmd.Version, cmd.Offset, offset)
	}
	return len(cmd.Data)
}

func (w *world) rejected(why front.Reason, want uint64) {
	w.t.Helper()
	if got := w.Stats().Rejected(why); got != want {
		w.t.Errorf("%d rejected as %v, want %d; log: %s", got, why, want, w.log)
	}
}

var errTest = errors.New("broken on purpose")

// heardTelemetry returns how many uplinks were counted as telemetry.
func (w *world) heardTelemetry() (n uint64) {
	w.Stats().Requests.Each(func(r front.Request, count uint64) {
		if r.Resource == "telemetry" {
			n += count
		}
	})
	return n
}
