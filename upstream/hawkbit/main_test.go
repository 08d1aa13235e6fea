package hawkbit

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "s3cret-gateway-token"

// network is a net of in-memory hosts, so that tests run on fake time.
type network map[string]chan net.Conn

type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// serve adds a host.
func (n network) serve(t *testing.T, address string, h http.Handler) {
	l := &listener{conns: make(chan net.Conn), done: make(chan struct{})}
	n[address] = l.conns
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() { srv.Close(); running.Wait() })
}

func (n network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	conns, ok := n[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Err: os.ErrNotExist}
	}
	here, there := net.Pipe()
	select {
	case conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memory is a Store.
type memory struct {
	mu   sync.Mutex
	m    map[string][]byte
	fail error
}

func (s *memory) Load(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], s.fail
}

func (s *memory) Save(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.m[key] = bytes.Clone(value)
	}
	return s.fail
}

// world is a server, its network, and a source.
type world struct {
	*Source
	t      *testing.T
	server *hawkbittest.Server
	net    network
	store  *memory
	cfg    Config
	order  string // of what dev1 was resolved to last
}

func newWorld(t *testing.T, cfg hawkbittest.Config) *world {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.GatewayToken = token
	w := &world{
		t: t, server: hawkbittest.New(cfg), net: network{}, store: &memory{m: map[string][]byte{}},
		cfg: Config{URL: "http://hawkbit.test", GatewayTokenFile: file},
	}
	w.net.serve(t, "hawkbit.test:80", w.server)
	w.restart()
	return w
}

// restart replaces the source by one that knows only what was stored.
func (w *world) restart() {
	w.t.Helper()
	s, err := newSource(w.cfg, w.store, slog.New(slog.DiscardHandler), w.net.dial)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	w.Source = s
}

func spec(controller string) firmware.Spec {
	return Ref{Controller: controller}.Spec()
}

func (w *world) resolve(controller string) (firmware.Metadata, error) {
	m, err := w.Resolve(context.Background(), dfu.Device{Application: "app"}, spec(controller))
	if err == nil && controller == "dev1" {
		w.order = m.Order
	}
	return m, err
}

func (w *world) maySwap(d firmware.Digest) error { return w.MaySwap(spec("dev1"), d) }

func (w *world) mustResolve() firmware.Metadata {
	w.t.Helper()
	m, err := w.resolve("dev1")
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// report reports on what was resolved last.
func (w *world) report(p status.Status) error {
	p.Order = w.order
	return w.Report(context.Background(), "dev1", p)
}

func (w *world) mustReport(p status.Status) {
	w.t.Helper()
	if err := w.report(p); err != nil {
		w.t.Fatal(err)
	}
}

// assign assigns an image to dev1.
func (w *world) assign(version string, data []byte) int {
	return w.server.Assign(hawkbittest.Assignment{
		Controller: "dev1", Modules: hawkbittest.Firmware(version, "fw.bin", data),
	})
}

// image returns n bytes that differ from one another.
func image(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(uint32(i) * 2654435761 >> 7)
	}
	return b
}

// download fetches and verifies m.
func (w *world) download(m firmware.Metadata) error {
	rc, err := w.Fetch(context.Background(), m)
	if err != nil {
		return err
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	if err != nil {
		return err
	}
	_, err = firmware.NewImage(m, b)
	return err
}

// count counts the entries of a status, all if it is empty.
func (w *world) count(action int, status string) (n int) {
	for _, e := range w.server.Action(action).Entries {
		if status == "" || e.Status == status {
			n++
		}
	}
	return n
}

// asked counts the requests that begin with prefix.
func (w *world) asked(prefix string) (n int) {
	for _, r := range w.server.Requests() {
		if len(r) >= len(prefix) && r[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}
