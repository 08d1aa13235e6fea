package http

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"havn/link/linktest"
	"havn/telemetry"
)

// certificate makes a certificate and its key, and who trusts it.
func certificate(t testing.TB, name string) (Config, *tls.Config) {
	t.Helper()
	c := linktest.NewCertificate(t, name)
	// The only suite, curve and version of the reference client.
	return Config{Certificate: c.File, Key: c.Key}, &tls.Config{
		RootCAs: c.Pool, ServerName: name, MinVersion: tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.CurveP256},
	}
}

// TestOneRecord: with TLS an answer is one record, since no release of the
// reference client reads two.
func TestOneRecord(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	cfg, client := certificate(t, "gateway.test")
	s, _ := w.serve(t, cfg)
	raw := &records{Conn: dial(t, s)}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	conn := tls.Client(raw, client)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	raw.n = 0 // what follows the handshake counts
	for i := range uint64(3) {
		head, body := ask(t, conn, request(at(0)))
		if raw.n != i+1 || len(head)+len(body) < maxAnswer-50 {
			t.Errorf("%d bytes in answer %d, %d records", len(head)+len(body), i+1, raw.n)
		}
	}
	if _, ok := client.ClientSessionCache.Get(client.ServerName); ok {
		t.Error("a ticket came")
	}
}

// records counts the TLS records that arrive.
type records struct {
	net.Conn
	n    uint64
	head []byte // of the record that arrives
	left int    // bytes of it
}

func (r *records) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	for _, c := range b[:n] {
		if r.left > 0 {
			r.left--
			continue
		}
		if r.head = append(r.head, c); len(r.head) == 5 {
			r.left = int(r.head[3])<<8 | int(r.head[4])
			r.head = r.head[:0]
			r.n++
		}
	}
	return n, err
}

func TestHandshakeFailures(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	cfg, client := certificate(t, "gateway.test")
	s, stop := w.serve(t, cfg)
	client.ServerName = "another.test"
	if err := tls.Client(dial(t, s), client).Handshake(); err == nil {
		t.Error("the name is not checked")
	}
	conn := dial(t, s) // speaks no TLS
	if _, err := io.WriteString(conn, request(first)); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); !bytes.HasPrefix(got, []byte("HTTP/1.0 400")) {
		t.Errorf("%q", got)
	}
	stop()
	if n := w.Counts().Rejected(Handshake); n != 2 {
		t.Errorf("%d handshakes rejected:\n%s", n, w.log)
	}
	if !strings.Contains(w.log.String(), "reason=handshake suppressed=0 peer=127.0.0.1:") {
		t.Errorf("log: %s", w.log)
	}
}

func TestReload(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	cfg, old := certificate(t, "gateway.test")
	s, _ := w.serve(t, cfg)
	next, renewed := certificate(t, "gateway.test")
	if err := os.Remove(cfg.Key); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(Setup{}); err == nil {
		t.Error("a missing key is no error")
	}
	shake(t, s, old)
	for from, to := range map[string]string{next.Certificate: cfg.Certificate, next.Key: cfg.Key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reload(Setup{}); err != nil {
		t.Fatal(err)
	}
	shake(t, s, renewed)
}

func shake(t *testing.T, s *Server, client *tls.Config) {
	t.Helper()
	if err := tls.Client(dial(t, s), client).Handshake(); err != nil {
		t.Error(err)
	}
}
