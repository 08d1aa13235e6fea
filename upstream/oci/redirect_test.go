package oci

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRedirectCarriesNoCredentials sends the client on to another host, which may
// even ask for credentials.
func TestRedirectCarriesNoCredentials(t *testing.T) {
	for _, test := range []struct {
		scheme, host string
		challenge    bool
	}{
		{"basic", "127.0.0.1", false}, {"basic", "localhost", false}, {"basic", "localhost", true},
		{"bearer", "127.0.0.1", false}, {"bearer", "localhost", false}, {"bearer", "localhost", true},
	} {
		d := newDouble(t)
		d.artifact("fw", "v1", "1.0", []byte("one"))
		storage := newStorage(t, d, test.challenge)
		if test.scheme == "basic" {
			d.basic(func() string { return password })
		} else {
			d.bearer(d.URL)
		}
		d.redirectBlobs(strings.Replace(storage.URL, "127.0.0.1", test.host, 1))
		registry, _ := account(t, d)
		s := newSource(t, Config{Registries: []Registry{registry}})
		b, err := fetchAll(t, s, mustResolve(t, s, d.image("fw:v1")))
		if test.challenge && err == nil {
			t.Errorf("%+v: no error", test)
		}
		if !test.challenge && (err != nil || string(b) != "one") {
			t.Errorf("%+v: fetched %q, %v", test, b, err)
		}
	}
}

// newStorage serves the blobs of d elsewhere, and fails the test if it is sent
// credentials. With challenge it asks for them instead.
func newStorage(t *testing.T, d *double, challenge bool) *httptest.Server {
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secrets := r.Header["Authorization"]; len(secrets) > 0 {
			t.Errorf("%s got %q", r.URL, secrets)
		}
		if challenge {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.store.ServeHTTP(w, r)
	}))
	t.Cleanup(storage.Close)
	return storage
}

// redirectBlobs sends all who may have a blob to another server.
func (d *double) redirectBlobs(target string) {
	authenticate := d.before
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		if authenticate(w, r) {
			return true
		}
		blob := strings.Contains(r.URL.Path, "/blobs/")
		if blob {
			http.Redirect(w, r, target+r.URL.Path, http.StatusTemporaryRedirect)
		}
		return blob
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	s := sourceOf(t, d)
	m := mustResolve(t, s, d.image("fw:v1"))
	for _, test := range []struct {
		hops int
		ok   bool
	}{{maxRedirects, true}, {maxRedirects + 1, false}} {
		d.before = func(w http.ResponseWriter, r *http.Request) bool {
			done := len(r.URL.Query().Get("n"))
			if done == test.hops || r.URL.Path == "/v2/" {
				return false
			}
			w.Header().Set("Location", r.URL.Path+"?n="+strings.Repeat("x", done+1))
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}
		_, err := fetchAll(t, s, m)
		if (err == nil) != test.ok {
			t.Errorf("%d redirects: error %v", test.hops, err)
		}
	}
}

// TestRedirectToThisMachine: no registry elsewhere may point us at ourselves or
// at the metadata of a cloud machine.
func TestRedirectToThisMachine(t *testing.T) {
	s := newSource(t, Config{})
	for target, ok := range map[string]bool{
		"https://storage.example/x": true, "https://10.1.2.3/x": true,
		"https://127.0.0.1/x": false, "https://localhost/x": false, "https://[::1]/x": false,
		"https://[::ffff:127.0.0.1]/x": false, "https://0.0.0.0/x": false,
		"https://169.254.169.254/x": false,
	} {
		first := httptest.NewRequest(http.MethodGet, "https://registry.example/v2/fw/blobs/x", nil)
		second := httptest.NewRequest(http.MethodGet, target, nil)
		second.Response = &http.Response{Request: first}
		if err := s.guard.admit(second); (err == nil) != ok {
			t.Errorf("%s: error %v, want admitted %v", target, err, ok)
		}
	}
}
