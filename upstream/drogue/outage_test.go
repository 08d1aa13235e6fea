package drogue

import (
	"context"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/link"
	"havn/upstream/drogue/droguetest"
)

// TestNothingIsUnlearned: whatever goes wrong, the last word of the registry
// stays, and a new one is heard once it speaks again.
func TestNothingIsUnlearned(t *testing.T) {
	for name, spoil := range map[string]droguetest.Fault{
		"403":         {Status: 403},
		"401":         {Status: 401},
		"404":         {Status: 404},
		"409":         {Status: 409},
		"429":         {Status: 429},
		"500":         {Status: 500},
		"302":         {Status: 302},
		"half":        {Half: true},
		"one 503":     {Status: 503, Times: 1},
		"one too few": {Half: true, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, droguetest.Options{})
			w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
			r, _ := w.registry()
			image(t, r, dev, "h/n:1")
			w.PutDevice("app", "d1", firmwareSpec("h/n:2"), nil)
			w.Inject(droguetest.Registry, spoil)
			before := w.Counters(droguetest.Registry).Total()
			r.Refresh()
			eventually(t, func() error {
				if w.Counters(droguetest.Registry).Total() == before {
					return errors.New("not asked again")
				}
				return nil
			})
			if spec, err := r.Desired(dev); err != nil || (spec.Key() != "h/n:1" && spoil.Times == 0) {
				t.Errorf("desired %q, %v", spec.Key(), err)
			}
			w.Heal(droguetest.Registry)
			r.Refresh()
			image(t, r, dev, "h/n:2")
		})
	}
}

func TestRegistryAwayAtStart(t *testing.T) {
	for name, mode := range map[string]droguetest.Mode{"away": droguetest.Away, "hang": droguetest.Hang} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, droguetest.Options{})
			w.Set(droguetest.Registry, mode)
			w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
			r, _ := w.registry()
			r.client.http.Timeout = 200 * time.Millisecond
			if _, err := r.Desired(dev); !errors.Is(err, firmware.ErrPending) {
				t.Fatal(err)
			}
			eventually(t, func() error {
				if !r.Stats().Away.Load() {
					return errors.New("not noticed")
				}
				return nil
			})
			w.Set(droguetest.Registry, droguetest.Up)
			image(t, r, dev, "h/n:1") // by itself, after the backoff
		})
	}
}

func TestEndsWhileTheRegistryHangs(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Set(droguetest.Registry, droguetest.Hang)
	r, stop := w.registry()
	r.Desired(dev)
	eventually(t, func() error {
		if w.Counters(droguetest.Registry).Received == 0 {
			return errors.New("not asked")
		}
		return nil
	})
	stop()
}

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
			c, err := NewClient(RegistryConfig{URL: portal.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Application(t.Context(), "app"); !errors.Is(err, ErrAway) {
				t.Errorf("application: %v", err)
			}
			for _, err := range c.Devices(t.Context(), "app", "") {
				if !errors.Is(err, ErrAway) {
					t.Errorf("devices: %v", err)
				}
			}
		})
	}
}

func TestRefusedApplicationSaysWhy(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.cfg.Registry.User, w.cfg.Registry.TokenFile = "", "" // anonymous
	r, _ := w.registry()
	r.Desired(dev)
	failure(t, r, dev, firmware.ErrDenied)
	if _, err := r.Desired(dev); !strings.Contains(err.Error(), "application app") {
		t.Errorf("%v does not name the application", err)
	}
}

func TestAccounts(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	bearer, wrong := w.file("bearer", "oidc"), w.file("wrong", "nonsense")
	for name, test := range map[string]struct {
		user, token string
		want        error
	}{
		"basic":         {"me", w.cfg.Registry.TokenFile, nil},
		"bearer":        {"", bearer, nil},
		"wrong token":   {"me", wrong, ErrAway},
		"wrong bearer":  {"", wrong, ErrAway},
		"no such file":  {"me", "/does/not/exist", ErrAway},
		"empty file":    {"me", w.file("empty", "\n"), ErrAway},
		"not a member":  {"", "", ErrDenied},
		"reader writes": {"reader", w.file("reader", "r"), ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			w.AddUser(droguetest.User{Name: "reader", Token: "r", Reader: true})
			c, err := NewClient(RegistryConfig{URL: w.RegistryURL, User: test.user, TokenFile: test.token})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Application(t.Context(), "app")
			if test.user == "reader" {
				err = c.update(t.Context(), dev, &Resource{})
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Inject(droguetest.Registry, droguetest.Fault{Times: 1, Status: 429, RetryAfter: 100})
	c, err := NewClient(w.cfg.Registry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Device(t.Context(), dev)
	if got := link.Pause(err); got != 100*time.Second || !errors.Is(err, ErrAway) {
		t.Errorf("%v after %v", err, got)
	}
	o := newOutage(slog.New(slog.DiscardHandler), "registry", new(atomic.Bool))
	if wait := o.failed(err); wait != 100*time.Second {
		t.Errorf("waits %v", wait)
	}
}

// TestAuthoritiesAreReplaced needs no restart.
func TestAuthoritiesAreReplaced(t *testing.T) {
	w := newWorld(t, droguetest.Options{TLS: true})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	stranger := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	own, err := os.ReadFile(w.cfg.Registry.CA)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := errors.Join(err, os.WriteFile(ca, stranger, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.cfg.Registry.CA = ca
	c, err := NewClient(w.cfg.Registry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Device(t.Context(), dev)
	if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "upstream.drogue.registry.ca has to name") {
		t.Errorf("authority of another server: %v", err)
	}
	if err := os.WriteFile(ca, own, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Device(t.Context(), dev); err != nil {
		t.Errorf("after the authorities were replaced: %v", err)
	}
}

func TestTLS(t *testing.T) {
	w := newWorld(t, droguetest.Options{TLS: true})
	w.PutDevice("app", "d1", firmwareSpec("h/n:1"), nil)
	w.integrate("")
	r, _ := w.registry()
	image(t, r, dev, "h/n:1")
	live(t, r, true)
	p, _, _ := w.publisher()
	published(t, p, "d1", `{}`)

	w.cfg.Registry.CA = ""
	c, err := NewClient(w.cfg.Registry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Device(t.Context(), dev); !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown authority: %v", err)
	}
	for _, bad := range []string{"/does/not/exist", w.cfg.Registry.TokenFile} {
		w.cfg.Registry.CA, w.cfg.Endpoints[0].CA = bad, bad
		if _, err := NewClient(w.cfg.Registry); err == nil {
			t.Errorf("ca %s accepted", bad)
		}
		if _, err := NewPublisher(w.cfg, nil, nil); err == nil {
			t.Errorf("ca %s accepted", bad)
		}
	}
}

func TestCallerGivesUp(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.Set(droguetest.Registry, droguetest.Hang)
	c, err := NewClient(w.cfg.Registry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Device(ctx, dfu.Device{Application: "app", Name: "d1"})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrAway) {
		t.Errorf("%v", err)
	}
}
