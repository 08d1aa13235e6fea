package oci

import (
	"fmt"
	"net/http"
	"net/netip"

	"havn/link"
)

const maxRedirects = 5

// guard is the RoundTripper below everything that this package asks. It knows
// each host's authorities, and refuses plain HTTP and redirects that are not
// allowed.
type guard struct {
	listed map[string]Registry
	own    map[string]*link.Transport // hosts with authorities of their own
	other  *link.Transport
}

func newGuard(listed map[string]Registry) (*guard, error) {
	g := &guard{listed: listed, own: map[string]*link.Transport{},
		other: &link.Transport{CA: Registry{}.authorities()}}
	for host, registry := range listed {
		if registry.CA == "" {
			continue
		}
		g.own[host] = &link.Transport{CA: registry.authorities()}
		if err := g.own[host].Validate(); err != nil {
			return nil, fmt.Errorf("registry %s: %w", host, err)
		}
	}
	return g, nil
}

// CloseIdleConnections gives connections back that no request uses.
func (g *guard) CloseIdleConnections() {
	g.other.CloseIdleConnections()
	for _, own := range g.own {
		own.CloseIdleConnections()
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
	return g.transport(req.URL.Host).RoundTrip(req)
}

func (g *guard) transport(host string) *link.Transport {
	if t := g.own[host]; t != nil {
		return t
	}
	return g.other
}

// admit checks where a request goes, and which redirect led there.
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

// internal reports whether host is this machine, or link-local, where clouds keep
// the metadata of the machine. No registry elsewhere may redirect there.
func internal(host string) bool {
	ip, _ := netip.ParseAddr(host)
	ip = ip.Unmap()
	return loopback(host) || ip.IsUnspecified() || ip.IsLinkLocalUnicast()
}
