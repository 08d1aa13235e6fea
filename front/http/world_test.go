package http

import (
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/front"
	"havn/front/fronttest"
	"havn/telemetry"
	"havn/update"
	"havn/update/updatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a handler over an engine that has one firmware for all devices of
// application "edge".
type world struct {
	*Handler
	engine *update.Engine
	log    *fronttest.Log
}

// blinky is the firmware of most worlds: whole words, and a short tail.
var blinky = updatetest.New("2.0.0", 50_003)

func newWorld(t testing.TB, f updatetest.Firmware, c Chunks, up telemetry.Upstream) *world {
	t.Helper()
	var err error
	w := &world{engine: f.Engine(t), log: new(fronttest.Log)}
	w.Handler, err = NewHandler(c, front.Parts{
		Engine: w.engine, Upstream: up, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
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
		Update: dfu.Progress{Version: []byte(blinky.Version), Offset: offset}}.Append(nil)
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
