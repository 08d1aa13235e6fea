package gateway

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/bench/device"
	"havn/firmware"
	"havn/link/linktest"
)

// readiness asks the admin HTTP of a gateway whether or not it listens.
func readiness(g *Gateway) int {
	rec := httptest.NewRecorder()
	g.admin.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return rec.Code
}

func TestToken(t *testing.T) {
	cfg := testConfig(t)
	cfg.Admin.TokenFile = filepath.Join(t.TempDir(), "token")
	rotate := func(token string) { write(t, cfg.Admin.TokenFile, []byte(token+"\n")) }
	rotate("first")
	r := start(t, cfg, nil)
	for _, path := range []string{"/", "/metrics", "/api/v1/devices", "/api/v1/summary"} {
		r.expect(http.StatusUnauthorized, "GET", path)
		r.expect(http.StatusUnauthorized, "GET", path, "Authorization: Bearer second")
		r.expect(http.StatusOK, "GET", path, "Authorization: Bearer first")
	}
	r.expect(http.StatusUnauthorized, "POST", "/api/v1/refresh")
	r.expect(http.StatusOK, "GET", "/healthz")
	r.expect(http.StatusOK, "GET", "/readyz")

	rotate("second")
	r.expect(http.StatusUnauthorized, "GET", "/api/v1/devices", "Authorization: Bearer first")
	r.expect(http.StatusOK, "GET", "/api/v1/devices", "Authorization: Bearer second")
	// The scheme is case-insensitive (RFC 9110 section 11.1).
	r.expect(http.StatusOK, "GET", "/api/v1/devices", "Authorization: bearer second")
	for _, wrong := range []string{"second", "Basic second", "Bearer", "Bearer ", "Bearer secondary"} {
		r.expect(http.StatusUnauthorized, "GET", "/api/v1/devices", "Authorization: "+wrong)
	}

	rotate("") // no token lets nobody in
	r.expect(http.StatusUnauthorized, "GET", "/api/v1/devices", "Authorization: Bearer ")
	if err := os.Remove(cfg.Admin.TokenFile); err != nil {
		t.Fatal(err)
	}
	r.expect(http.StatusUnauthorized, "GET", "/api/v1/devices", "Authorization: Bearer second")
}

func TestRefusalsAreJSON(t *testing.T) {
	cfg := testConfig(t)
	cfg.Admin.TokenFile = filepath.Join(t.TempDir(), "missing")
	resp, body := start(t, cfg, nil).do("GET", "/api/v1/devices", "")
	var refusal struct{ Error string }
	if err := json.Unmarshal([]byte(body), &refusal); err != nil || refusal.Error == "" {
		t.Errorf("body %q", body)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := resp.Header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

// A page of another site must not be able to operate the gateway.
func TestCrossOriginWritesAreRefused(t *testing.T) {
	r := start(t, testConfig(t), nil)
	refresh := func(status int, header ...string) {
		t.Helper()
		r.expect(status, "POST", "/api/v1/refresh", header...)
	}
	refresh(http.StatusAccepted)
	refresh(http.StatusAccepted, "Origin: "+r.AdminURL())
	refresh(http.StatusAccepted, "Sec-Fetch-Site: same-origin")
	refresh(http.StatusForbidden, "Origin: http://evil.example")
	refresh(http.StatusForbidden, "Sec-Fetch-Site: cross-site")
	r.expect(http.StatusForbidden, "DELETE", "/api/v1/devices/a/d", "Sec-Fetch-Site: cross-site")
	r.expect(http.StatusOK, "GET", "/api/v1/devices", "Sec-Fetch-Site: cross-site")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	r := start(t, testConfig(t), nil)
	r.expect(http.StatusNotFound, "GET", "/nonsense")
	r.expect(http.StatusNotFound, "GET", "/api/v1/nonsense")
	r.expect(http.StatusMethodNotAllowed, "DELETE", "/api/v1/devices")
}

// object decodes one JSON object.
func object(t *testing.T, body string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return v
}

func wantKeys(t *testing.T, what string, v any, keys ...string) {
	t.Helper()
	slices.Sort(keys)
	got, _ := v.(map[string]any)
	if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys of %s: %s", what, diff)
	}
}

// Scripts of operators rely on these names.
func TestShapes(t *testing.T) {
	t.Parallel()
	local, data := localFile(t, 2050)
	r := start(t, testConfig(t), local)
	r.update("write", "d", device.Config{})

	dev := object(t, r.expect(http.StatusOK, "GET", "/api/v1/devices/app/d"))
	if _, err := time.Parse(time.RFC3339Nano, dev["last_seen"].(string)); err != nil {
		t.Error(err)
	}
	dev["last_seen"] = ""
	want := map[string]any{
		"application": "app", "device": "d", "protocol": "coap", "state": "in-sync",
		"current": "v1", "target": "v1", "offset": 2050.0, "size": 2050.0, "progress": 1.0,
		"error": "", "last_seen": "", "eta_seconds": nil,
	}
	if diff := cmp.Diff(want, dev); diff != "" {
		t.Error(diff)
	}
	list := object(t, r.expect(http.StatusOK, "GET", "/api/v1/devices?application=app"))
	wantKeys(t, "a list", list, "items", "total", "next")
	if list["total"] != 1.0 {
		t.Errorf("total %v", list["total"])
	}
	images := object(t, r.expect(http.StatusOK, "GET", "/api/v1/images"))["items"].([]any)
	wantImage := map[string]any{
		"digest": firmware.Digest(sha256.Sum256(data)).String(), "version": "v1", "size": 2050.0,
		"references": []any{"file:" + localName}, "pinned": true, "memory": true, "disk": true,
	}
	if diff := cmp.Diff([]any{wantImage}, images); diff != "" {
		t.Error(diff)
	}
	summary := object(t, r.expect(http.StatusOK, "GET", "/api/v1/summary"))
	wantKeys(t, "summary", summary, "devices", "images", "cache", "upstream", "chunks_per_second")
	states := []string{"in-sync", "updating", "waiting", "failed", "unknown"}
	wantKeys(t, "summary.devices", summary["devices"], states...)
	if summary["images"] != 1.0 || summary["devices"].(map[string]any)["in-sync"] != 1.0 {
		t.Errorf("summary %v", summary)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAdminOverTLS(t *testing.T) {
	cfg := testConfig(t)
	own, renewed := linktest.NewCertificate(t, "127.0.0.1"), linktest.NewCertificate(t, "127.0.0.1")
	cfg.Admin.Certificate, cfg.Admin.Key = own.File, own.Key
	r := start(t, cfg, nil)
	trusting := &tls.Config{RootCAs: own.Pool}
	r.client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting}
	r.expect(http.StatusOK, "GET", "/readyz")
	resp, err := r.client.Get(strings.Replace(r.AdminURL(), "https:", "http:", 1) + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %s", resp.Status)
	}
	if err := errors.Join(os.Rename(renewed.File, own.File), os.Rename(renewed.Key, own.Key)); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	trusting.RootCAs = renewed.Pool
	r.expect(http.StatusOK, "GET", "/readyz")
	r.stop()
}
