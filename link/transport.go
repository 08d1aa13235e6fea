package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// DialTimeout bounds the connection to a server, and the TLS handshake.
	DialTimeout = 10 * time.Second

	keepAlive     = 30 * time.Second
	headerTimeout = time.Minute // registries verify a pushed layer before they answer
	idleTimeout   = 90 * time.Second
	idlePerHost   = 4
)

// Transport is an [http.RoundTripper] that reads the file of authorities again
// when the file has changed. Connections made under the earlier authorities end
// with the requests under way. The body of an answer fails with an error when
// its server falls silent.
//
// The zero Transport trusts the authorities of the system.
type Transport struct {
	CA       File // authorities that the server must have; no file = the system's
	Compress bool // ask for gzip; false = answers arrive byte for byte as they are stored
	Dial     Dial // nil = TCP, through the proxy that the environment names

	mu      sync.Mutex
	seen    fs.FileInfo // of the file behind current
	current *http.Transport
}

// Dial connects to a server.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Validate reads the authorities, and connects to nothing.
func (t *Transport) Validate() error {
	_, err := t.renewed()
	return err
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	transport, err := t.renewed()
	if err != nil {
		closeBody(req)
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, t.CA.Explain(err)
	}
	resp.Body = newWatchedBody(ctx, cancel, resp.Body)
	return resp, nil
}

// CloseIdleConnections gives connections back that no request uses.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil {
		t.current.CloseIdleConnections()
	}
}

// renewed returns the transport with the authorities that CA names now. The file
// is looked at before it is read: a change in between is noticed the next time.
func (t *Transport) renewed() (*http.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	info, err := t.CA.stat()
	if err != nil {
		return nil, err
	}
	if t.current != nil && unchanged(t.seen, info) {
		return t.current, nil
	}
	pool, err := t.CA.Pool()
	if err != nil {
		return nil, err
	}
	if t.current != nil {
		t.current.CloseIdleConnections()
	}
	t.seen, t.current = info, t.trusting(pool)
	return t.current, nil
}

func (t *Transport) trusting(pool *x509.CertPool) *http.Transport {
	dial, proxy := t.Dial, http.ProxyFromEnvironment
	if dial == nil {
		dial = (&net.Dialer{Timeout: DialTimeout, KeepAlive: keepAlive}).DialContext
	} else {
		proxy = nil
	}
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           dial,
		TLSClientConfig:       &tls.Config{RootCAs: pool},
		TLSHandshakeTimeout:   DialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    !t.Compress,
		MaxIdleConnsPerHost:   idlePerHost,
		IdleConnTimeout:       idleTimeout,
	}
}

// stat describes the file, nil where there is none.
func (f File) stat() (fs.FileInfo, error) {
	if f.Path == "" {
		return nil, nil
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Key, err)
	}
	return info, nil
}

// unchanged reports whether two descriptions are of the same content.
func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
