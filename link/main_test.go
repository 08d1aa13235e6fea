package link

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"havn/link/linktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority is a certificate authority with a server of 127.0.0.1.
type authority struct {
	pem  string
	pair tls.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	c := linktest.NewCertificate(t, "127.0.0.1")
	text, err := os.ReadFile(c.File)
	if err != nil {
		t.Fatal(err)
	}
	return authority{string(text), c.Pair(t)}
}

// server is a TLS server that answers ok, with whichever certificate it is given.
type server struct {
	*httptest.Server
	pair        atomic.Pointer[tls.Certificate]
	connections atomic.Int32
}

func serve(t *testing.T, a authority) *server {
	t.Helper()
	s := &server{}
	s.pair.Store(&a.pair)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.connections.Add(1)
		return &tls.Config{Certificates: []tls.Certificate{*s.pair.Load()}}, nil
	}}
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	replace(t, path, content)
	return path
}

// replace puts another file in the place of path, as operators and Kubernetes do.
func replace(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, cfg ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
