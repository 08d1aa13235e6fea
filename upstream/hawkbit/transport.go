package hawkbit

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	maxRedirects   = 5
	dialTimeout    = 10 * time.Second // also of the TLS handshake
	requestTimeout = time.Minute      // of a request and its JSON answer
)

func newTransport(cfg *tls.Config) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       cfg,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: requestTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // digests and ranges are of the bytes as stored
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
	}
}

// credentials puts the token on requests to the configured server, and on no
// others: neither links nor redirects carry it away.
type credentials struct {
	base         *url.URL
	scheme, file string // of the Authorization header; no file: none is sent
	next         http.RoundTripper
}

func newCredentials(cfg Config, base *url.URL, next http.RoundTripper) *credentials {
	c := &credentials{base: base, scheme: "GatewayToken", file: cfg.GatewayTokenFile, next: next}
	if cfg.TargetTokenFile != "" {
		c.scheme, c.file = "TargetToken", cfg.TargetTokenFile
	}
	return c
}

// RoundTrip implements http.RoundTripper.
func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.file == "" || !sameOrigin(req.URL, c.base) {
		return c.next.RoundTrip(req)
	}
	token, err := c.token()
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", c.scheme+" "+token)
	return c.next.RoundTrip(req)
}

func (c *credentials) token() (string, error) {
	b, err := os.ReadFile(c.file)
	if err != nil {
		return "", fmt.Errorf("%s file: %w", c.scheme, err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s file %s: want one line of printable ASCII", c.scheme, c.file)
	}
	return token, nil
}

// redirect is the policy of the client. A redirected POST would arrive as a
// GET, which servers answer with success.
func redirect(req *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return fmt.Errorf("redirected to %s: set firmware.hawkbit.url to it", req.URL.Host)
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects, the last to %s", maxRedirects, req.URL.Host)
	}
	return nil
}
