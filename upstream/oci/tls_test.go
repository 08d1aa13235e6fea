package oci

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// writeCA writes the certificate of a TLS double as a PEM file.
func writeCA(t *testing.T, d *double) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newTLSDouble(t *testing.T) *double {
	d := unstartedDouble()
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

func TestCAPerHost(t *testing.T) {
	trusted, other := newTLSDouble(t), newTLSDouble(t)
	for _, d := range []*double{trusted, other} {
		d.artifact("fw", "v1", "1.0", []byte("one"))
	}
	s := newSource(t, Config{Registries: []Registry{
		{Host: trusted.host(), CA: writeCA(t, trusted)}, {Host: other.host()}}})
	mustFetch(t, s, mustResolve(t, s, trusted.image("fw:v1")))

	_, err := s.Resolve(t.Context(), device, spec(other.image("fw:v1")))
	if err == nil || sentinel(err) != nil {
		t.Fatalf("error %v, want one without sentinel", err)
	}
	mentions(t, err.Error(), "certificate", "ca in firmware.registries")
}

// TestCAIsReplaced needs no restart.
func TestCAIsReplaced(t *testing.T) {
	d := newTLSDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	own := writeCA(t, d)
	good, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, Config{Registries: []Registry{{Host: d.host(), CA: own}}})
	writeFile(t, own, "no certificate")
	if _, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1"))); err == nil || sentinel(err) != nil {
		t.Fatalf("error %v, want one without sentinel", err)
	}
	writeFile(t, own, string(good))
	mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))
}

// TestPlainHTTP: only where configured, and on loopback.
func TestPlainHTTP(t *testing.T) {
	req := func(url string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	g, err := newGuard(map[string]Registry{"plain:5000": {PlainHTTP: true}, "tls:5000": {}})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{
		"https://r.example/v2/": true, "http://plain:5000/v2/": true,
		"http://127.0.0.1:5000/v2/": true, "http://[::1]:5000/v2/": true,
		"http://localhost:5000/v2/": true, "http://127.9.9.9/v2/": true,
		"http://plain/v2/": false, "http://tls:5000/v2/": false, "http://r.example/v2/": false,
		"http://10.0.0.5:5000/v2/": false, "http://192.168.1.2/v2/": false,
		"http://registry.localhost/v2/": false, "http://[fe80::1%25eth0]/v2/": false,
	} {
		err := g.admit(req(url))
		if (err == nil) != want {
			t.Errorf("%s: error %v, want admitted %v", url, err, want)
		}
		if err != nil {
			mentions(t, err.Error(), "plain_http")
		}
	}
}

// TestPrivateAddressGetsNoPlainHTTP runs the whole way to an address for which
// the library alone would speak plain HTTP.
func TestPrivateAddressGetsNoPlainHTTP(t *testing.T) {
	const image = "10.255.255.1:5000/fw:v1"
	s := newSource(t, Config{Allow: []string{"*"}})
	s.guard.other.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no route")
	}
	_, err := s.Resolve(t.Context(), device, spec(image))
	if err == nil || sentinel(err) != nil {
		t.Fatalf("error %v, want one without sentinel", err)
	}
	mentions(t, err.Error(), "no route", "plain_http")
}
