package oci

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	maxRedirects  = 5
	dialTimeout   = 10 * time.Second // also of the TLS handshake
	headerTimeout = time.Minute      // registries may verify a pushed layer before they answer
	stallTimeout  = time.Minute      // longest silence inside a body
)

var errStalled = errors.New("the server stopped sending")

// guard is the RoundTripper below everything this package asks: it knows each
// host's authorities, refuses plain HTTP and redirects that are not allowed,
// and ends requests to servers that hang.
type guard struct {
	listed map[string]Registry
	own    map[string]*http.Transport // hosts with authorities of their own
	other  *http.Transport
	stall  time.Duration
}

func newGuard(listed map[string]Registry) (*guard, error) {
	g := &guard{listed: listed, own: map[string]*http.Transport{},
		other: newTransport(nil), stall: stallTimeout}
	for host, registry := range listed {
		cfg, err := registry.tls()
		if err != nil {
			return nil, err
		}
		if cfg != nil {
			g.own[host] = newTransport(cfg)
		}
	}
	return g, nil
}

func newTransport(cfg *tls.Config) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       cfg,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // digests are of the bytes as stored
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
	}
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.admit(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := g.transport(req.URL.Host).RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = newGuardedBody(ctx, cancel, resp.Body, g.stall)
	return resp, nil
}

func (g *guard) transport(host string) *http.Transport {
	if t := g.own[host]; t != nil {
		return t
	}
	return g.other
}

// admit checks where a request goes and who sent us there.
func (g *guard) admit(req *http.Request) error {
	host := req.URL.Hostname()
	if req.URL.Scheme != "https" && !g.listed[req.URL.Host].PlainHTTP && !loopback(host) {
		return fmt.Errorf("plain HTTP to %s is refused: set plain_http for it, or use TLS", req.URL.Host)
	}
	hops, first := redirects(req)
	if hops > maxRedirects {
		return fmt.Errorf("more than %d redirects, the last to %s", maxRedirects, req.URL.Host)
	}
	if hops > 0 && internal(host) && !internal(first.URL.Hostname()) {
		return fmt.Errorf("redirect from %s to %s is refused", first.URL.Host, req.URL.Host)
	}
	return nil
}

// redirects counts the redirects that led to req and returns the request that
// started them.
func redirects(req *http.Request) (int, *http.Request) {
	hops := 0
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
		hops++
	}
	return hops, req
}

func loopback(host string) bool {
	ip, _ := netip.ParseAddr(host)
	return host == "localhost" || ip.Unmap().IsLoopback()
}

// internal reports whether host is this machine or link-local, where clouds
// keep the metadata of the machine: no registry elsewhere may send us there.
func internal(host string) bool {
	ip, _ := netip.ParseAddr(host)
	ip = ip.Unmap()
	return loopback(host) || ip.IsUnspecified() || ip.IsLinkLocalUnicast()
}

// guardedBody ends a response whose server falls silent for longer than stall.
// The time its reader takes between reads does not count.
type guardedBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func newGuardedBody(ctx context.Context, cancel context.CancelCauseFunc,
	body io.ReadCloser, stall time.Duration) *guardedBody {
	timer := time.AfterFunc(stall, func() { cancel(errStalled) })
	timer.Stop()
	return &guardedBody{ReadCloser: body, ctx: ctx, cancel: cancel, timer: timer, stall: stall}
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errStalled) {
		err = fmt.Errorf("%w for %v", errStalled, b.stall)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	err := b.ReadCloser.Close()
	b.timer.Stop()
	b.cancel(nil)
	return err
}
