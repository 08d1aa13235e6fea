package rest

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/dfu"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
)

// TestPortals: answers of something in between are no answers.
func TestPortals(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"login page": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"404 page":   func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"empty 404":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"empty":      func(http.ResponseWriter, *http.Request) {},
		"null":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("null")) },
		"list":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("[null]")) },
	} {
		t.Run(name, func(t *testing.T) {
			portal := httptest.NewServer(answer)
			defer portal.Close()
			c, err := New(drogue.RegistryConfig{URL: portal.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Application(t.Context(), "app"); !errors.Is(err, drogue.ErrAway) {
				t.Errorf("application: %v", err)
			}
			for _, err := range c.Devices(t.Context(), "app", PageSize) {
				if !errors.Is(err, drogue.ErrAway) {
					t.Errorf("devices: %v", err)
				}
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	bearer, wrong := w.file("bearer", "oidc"), w.file("wrong", "nonsense")
	for name, test := range map[string]struct {
		user, token string
		want        error
	}{
		"basic":         {"me", w.cfg.TokenFile, nil},
		"bearer":        {"", bearer, nil},
		"wrong token":   {"me", wrong, drogue.ErrAway},
		"wrong bearer":  {"", wrong, drogue.ErrAway},
		"no such file":  {"me", "/does/not/exist", drogue.ErrAway},
		"empty file":    {"me", w.file("empty", "\n"), drogue.ErrAway},
		"not a member":  {"", "", drogue.ErrDenied},
		"reader writes": {"reader", w.file("reader", "r"), drogue.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			w.AddUser(apps.User{Name: "reader", Token: "r", Reader: true})
			c, err := New(drogue.RegistryConfig{URL: w.RegistryURL, User: test.user, TokenFile: test.token})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Application(t.Context(), "app")
			if test.user == "reader" {
				err = c.Update(t.Context(), dev, &Resource{})
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	w := newWorld(t, droguetest.Options{TLS: true})
	if _, err := w.client().Device(t.Context(), dev); err != nil {
		t.Error(err)
	}
	trusted := w.cfg.CA
	w.cfg.CA = ""
	_, err := w.client().Device(t.Context(), dev)
	if !errors.Is(err, drogue.ErrAway) || !strings.Contains(err.Error(), "upstream.drogue.registry.ca") {
		t.Errorf("unknown authority: %v", err)
	}
	for _, bad := range []string{trusted + ".not", w.cfg.TokenFile} {
		w.cfg.CA = bad
		if _, err := New(w.cfg); err == nil {
			t.Errorf("ca %s accepted", bad)
		}
	}
}

// TestRetryAfter: while the server wants to be left alone nothing is sent, whoever
// asks.
func TestRetryAfter(t *testing.T) {
	for name, fault := range map[string]wire.Fault{
		"seconds": {Times: 1, Status: 429, RetryAfter: time.Minute},
		"date":    {Times: 1, Status: 503, RetryAfter: time.Minute, RetryDate: true},
	} {
		w := newWorld(t, droguetest.Options{})
		w.Inject(droguetest.Registry, fault)
		c := w.client()
		for range 3 {
			_, err := c.Device(t.Context(), dev)
			asked, ok := errors.AsType[*backoff.RetryAfterError](err)
			if !ok || asked.Duration > time.Minute || asked.Duration < 55*time.Second || !errors.Is(err, drogue.ErrAway) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := w.Counters(droguetest.Registry).Total(); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestCallerGivesUp(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Set(droguetest.Registry, wire.Hang)
	c := w.client()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Device(ctx, dfu.Device{Application: "app", Name: "d1"})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, drogue.ErrAway) {
		t.Errorf("%v", err)
	}
}

func TestPaging(t *testing.T) {
	for _, n := range []int{0, 1, 98, 99, 100, 101, 198, 297} {
		w := newWorld(t, droguetest.Options{}) // with d1
		w.devices(n)
		c := w.client()
		seen := map[string]bool{}
		for r, err := range c.Devices(t.Context(), "app", PageSize) {
			if err != nil || seen[r.Metadata.Name] {
				t.Fatalf("%d devices: %v, %v", n, r, err)
			}
			seen[r.Metadata.Name] = true
		}
		if len(seen) != n+1 {
			t.Errorf("%d devices listed, want %d", len(seen), n+1)
		}
	}
}

// TestListThatMoves: a device removed while a list is read must not hide
// another one.
func TestListThatMoves(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.devices(150)
	c := w.client()
	n := 0
	for _, err := range c.Devices(t.Context(), "app", PageSize) {
		if err != nil {
			if !errors.Is(err, ErrMoved) || !errors.Is(err, drogue.ErrAway) {
				t.Error(err)
			}
			return
		}
		if n++; n == 100 {
			w.DeleteDevice("app", "n0001")
		}
	}
	t.Errorf("%d devices listed as if nothing had happened", n)
}

// TestAuthoritiesAreReplaced needs no restart.
func TestAuthoritiesAreReplaced(t *testing.T) {
	w := newWorld(t, droguetest.Options{TLS: true})
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	stranger := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	own, err := os.ReadFile(w.cfg.CA)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := errors.Join(err, os.WriteFile(ca, stranger, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.cfg.CA = ca
	c := w.client()
	_, err = c.Device(t.Context(), dev)
	if !errors.Is(err, drogue.ErrAway) || !strings.Contains(err.Error(), "upstream.drogue.registry.ca has to name") {
		t.Errorf("authority of another server: %v", err)
	}
	if err := os.WriteFile(ca, own, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Device(t.Context(), dev); err != nil {
		t.Errorf("after the authorities were replaced: %v", err)
	}
}
