package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"havn/firmware"
	"havn/link/linktest"
	"havn/upstream/drogue/droguetest"
)

func (w *world) devices(n int) {
	for i := range n {
		w.PutDevice("app", fmt.Sprintf("n%04d", i), firmwareSpec(fmt.Sprint("h/n:", i)),
			map[string]string{"site": fmt.Sprint(i % 2)})
	}
}

// TestListsWhereCheaper: the devices of this site are asked for in a list
// where they are a good part of the application, else one by one.
func TestListsWhereCheaper(t *testing.T) {
	for _, test := range []struct {
		registered, asked int
		maxGets, maxLists uint64
	}{
		{300, 1, 1, 0},
		{300, 3, 3, 0},
		{300, 300, 40, 8},
		{300, 20, 24, 4},
		{30, 20, 10, 4},
	} {
		t.Run(fmt.Sprintf("%d of %d", test.asked, test.registered), func(t *testing.T) {
			w := newWorld(t, droguetest.Options{})
			w.devices(test.registered)
			r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store})
			if err != nil {
				t.Fatal(err)
			}
			defer r.client.Close()
			for i := range test.asked {
				r.Desired(named(fmt.Sprintf("n%04d", i)))
			}
			r.round(t.Context())
			for i := range test.asked {
				image(t, r, named(fmt.Sprintf("n%04d", i)), fmt.Sprint("h/n:", i))
			}
			if gets, lists := w.gets(); gets > test.maxGets || lists > test.maxLists {
				t.Errorf("%d devices and %d lists read, want at most %d and %d",
					gets, lists, test.maxGets, test.maxLists)
			}
		})
	}
}

// TestNamesThatAreNotRegistered are asked for one by one, and known then.
func TestNamesThatAreNotRegistered(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, _ := w.registry()
	for i := range 10 {
		r.Desired(named(fmt.Sprint("invented-", i)))
	}
	for i := range 10 {
		failure(t, r, named(fmt.Sprint("invented-", i)), firmware.ErrNotFound)
	}
}

// TestServersThatSendLess: a server with smaller pages than asked for leaves
// devices out of the list, which are then asked for.
func TestServersThatSendLess(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.devices(20)
	w.through(func(_ http.ResponseWriter, r *http.Request) bool {
		if q := r.URL.Query(); q.Has("limit") {
			q.Set("limit", "5")
			r.URL.RawQuery = q.Encode()
		}
		return false
	})
	r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store})
	if err != nil {
		t.Fatal(err)
	}
	defer r.client.Close()
	for i := range 20 {
		r.Desired(named(fmt.Sprintf("n%04d", i)))
	}
	r.round(t.Context())
	for i := range 20 {
		image(t, r, named(fmt.Sprintf("n%04d", i)), fmt.Sprint("h/n:", i))
	}
}

// through puts a proxy before the registry, which calls before with each
// request, and passes it on unless that returns true.
func (w *world) through(before func(http.ResponseWriter, *http.Request) bool) {
	target, err := url.Parse(w.RegistryURL)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{}
	pass := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !before(rw, r) {
			pass.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(func() { proxy.Close(); transport.CloseIdleConnections() })
	w.cfg.Registry.URL = proxy.URL
}

// TestStrangeNames: a name that cannot be, or that something on the way does
// not like, keeps nobody else waiting.
func TestStrangeNames(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	w.devices(3)
	w.through(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "strange") {
			rw.WriteHeader(http.StatusRequestURITooLong)
			return true
		}
		return false
	})
	r, _ := w.registry()
	for _, name := range []string{"", ".", "..", strings.Repeat("x", 256)} {
		if _, err := r.Desired(named(name)); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	r.Desired(named("strange"))
	for i := range 3 {
		image(t, r, named(fmt.Sprintf("n%04d", i)), fmt.Sprint("h/n:", i))
	}
	linktest.Eventually(t, func() error {
		r.mu.RLock()
		defer r.mu.RUnlock()
		if r.open != 0 || r.stats.Away.Load() {
			return fmt.Errorf("%d questions open, away %v", r.open, r.stats.Away.Load())
		}
		return nil
	})
	if _, err := r.Desired(named("strange")); !errors.Is(err, firmware.ErrPending) {
		t.Error(err)
	}
}

func TestRoundIsQuietUntilDue(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store})
	if err != nil {
		t.Fatal(err)
	}
	defer r.client.Close()
	r.Desired(dev)
	if next := r.round(t.Context()); next < 50*time.Minute || next > 70*time.Minute {
		t.Errorf("next round in %v, want about the refresh interval", next)
	}
	total := w.Counters(droguetest.Registry).Total()
	if r.round(t.Context()); w.Counters(droguetest.Registry).Total() != total {
		t.Error("asked although nothing is due")
	}
}
