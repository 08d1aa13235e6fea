package main

import (
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// fakeRegistry is an OCI registry in memory.
func fakeRegistry(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return server
}

// unreliable is an OCI registry in memory that fails as it is told to. Images
// are pushed through its back door, which always works.
type unreliable struct {
	t     *testing.T
	host  string       // of the front, where gateways pull
	back  string       // HOST of the back door
	blobs atomic.Int64 // layers asked for
	good  http.Handler
	front *httptest.Server // nil: down

	mu    sync.Mutex
	fault fault // nil: none
}

// fault answers a request instead of good.
type fault func(w http.ResponseWriter, r *http.Request, good http.Handler)

func newUnreliable(t *testing.T) *unreliable {
	t.Helper()
	back := fakeRegistry(t)
	u := &unreliable{
		t: t, host: freePort(t, "tcp"),
		back: strings.TrimPrefix(back.URL, "http://"), good: back.Config.Handler,
	}
	u.up()
	t.Cleanup(u.down)
	return u
}

// ServeHTTP implements http.Handler for the front.
func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isBlob(r) {
		u.blobs.Add(1)
	}
	u.mu.Lock()
	fault := u.fault
	u.mu.Unlock()
	if fault == nil {
		u.good.ServeHTTP(w, r)
		return
	}
	fault(w, r, u.good)
}

// up opens the port.
func (u *unreliable) up() {
	u.t.Helper()
	var listener net.Listener
	var err error
	for range 500 { // a process that another test is starting may hold the old socket until its exec
		if listener, err = net.Listen("tcp", u.host); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	u.front = &httptest.Server{Listener: listener, Config: &http.Server{Handler: u}}
	u.front.Start()
}

// down closes the port and cuts all connections.
func (u *unreliable) down() {
	if u.front != nil {
		u.front.CloseClientConnections()
		u.front.Close()
		u.front = nil
	}
}

// fail makes the front answer with f from now on.
func (u *unreliable) fail(f fault) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fault = f
}

// recover is a registry started anew: without a fault or old connections.
func (u *unreliable) recover() {
	u.t.Helper()
	u.down()
	u.fail(nil)
	u.up()
}

// publish pushes firmware of n random bytes through the back door, as
// NAME:TAG, and returns it.
func (u *unreliable) publish(s *site, image, version string, n int) []byte {
	u.t.Helper()
	data := random(u.t, n)
	publish(u.t, s.write("pushed.bin", data), u.back+"/"+image, version)
	return data
}

func isBlob(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

func internalError(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusInternalServerError)
}

// wrongBytes answers with layers in which one bit is flipped.
func wrongBytes(w http.ResponseWriter, r *http.Request, good http.Handler) {
	body := answer(w, r, good)
	if isBlob(r) && len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	_, _ = w.Write(body)
}

// truncated breaks the connection in the middle of a layer.
func truncated(w http.ResponseWriter, r *http.Request, good http.Handler) {
	body := answer(w, r, good)
	if !isBlob(r) {
		_, _ = w.Write(body)
		return
	}
	half(w, body)
	panic(http.ErrAbortHandler)
}

// stalled falls silent in the middle of a layer.
func stalled(w http.ResponseWriter, r *http.Request, good http.Handler) {
	body := answer(w, r, good)
	if !isBlob(r) {
		_, _ = w.Write(body)
		return
	}
	half(w, body)
	<-r.Context().Done()
}

// answer writes the head of the good answer and returns its body.
func answer(w http.ResponseWriter, r *http.Request, good http.Handler) []byte {
	rec := httptest.NewRecorder()
	good.ServeHTTP(rec, r)
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	return rec.Body.Bytes()
}

func half(w http.ResponseWriter, body []byte) {
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
}
