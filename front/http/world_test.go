package http

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/telemetry"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fw is what the devices of a world should run.
type fw struct {
	version string
	data    []byte
}

func newFirmware(version string, size int) fw {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(data)
	return fw{version, data}
}

// world is a handler over an engine that has one firmware for all devices of
// application "edge".
type world struct {
	*Handler
	engine *update.Engine
	log    *lockedLog
}

// blinky is the firmware of most worlds: whole words, and a short tail.
var blinky = newFirmware("2.0.0", 50_003)

func newWorld(t testing.TB, f fw, c Chunks, up telemetry.Upstream) *world {
	t.Helper()
	rule := desired.Rule{Application: "edge", Spec: firmwaretest.Spec("fw")}
	origin := newOrigin(t, f)
	e, err := update.New(
		update.Config{Poll: 300 * time.Second, Retry: time.Second, MaxVersion: 16,
			Refresh: time.Hour, Abandon: time.Hour, MaxDevices: 10_000},
		update.Parts{Desired: desired.New([]desired.Rule{rule}, nil),
			Source: origin, Images: origin, Store: store{origin: origin}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Run(ctx) })
	<-origin.ready
	cancel()
	run.Wait()
	w := &world{engine: e, log: new(lockedLog)}
	w.Handler, err = NewHandler(e, c, up, slog.New(slog.NewTextHandler(w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// lockedLog keeps what was logged.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// origin is source and cache of one firmware.
type origin struct {
	firmware.Source
	metadata firmware.Metadata
	image    *firmware.Image
	ready    chan struct{} // the firmware is looked up
}

func newOrigin(t testing.TB, f fw) *origin {
	t.Helper()
	m := firmware.Metadata{Version: f.version, Digest: sha256.Sum256(f.data), Size: uint32(len(f.data))}
	img, err := firmware.NewImage(m, f.data)
	if err != nil {
		t.Fatal(err)
	}
	return &origin{metadata: m, image: img, ready: make(chan struct{}, 1)}
}

func (o *origin) Resolve(
	context.Context, dfu.Device, firmware.Spec,
) (firmware.Metadata, error) {
	return o.metadata, nil
}

func (o *origin) Get(firmware.Digest) *firmware.Image { return o.image }

func (o *origin) Find([]byte) *firmware.Image { return nil }

func (o *origin) Load(context.Context, firmware.Metadata) (*firmware.Image, error) {
	return o.image, nil
}

func (o *origin) Retain(firmware.Digest, time.Time) {}

// store forgets, and tells when the firmware is looked up.
type store struct {
	update.Store
	*origin
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

// basicAuth is the value of an Authorization header.
func basicAuth(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret"))
}

// first is the Status of a device that is not updating.
var first = dfu.Status{Version: []byte("1.0.0"), MTU: 2048}.Append(nil)

// at is the Status of a device in the middle of blinky.
func at(offset uint32) []byte {
	return dfu.Status{Version: []byte("1.0.0"), MTU: 2048, Updating: true,
		Update: dfu.Progress{Version: []byte(blinky.version), Offset: offset}}.Append(nil)
}

// post asks the handler as device dev of edge, with further headers as pairs.
func (w *world) post(url string, body []byte, headers ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(string(body)))
	r.Header.Set("Authorization", basicAuth("dev@edge"))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.ask(r)
}

func (w *world) ask(r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec.Result()
}

func read(t testing.TB, resp *http.Response) []byte {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func parse(t testing.TB, body []byte) dfu.Command {
	t.Helper()
	cmd, err := dfu.ParseCommand(body)
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return cmd
}

var errFull = errors.New("the spool is full")
