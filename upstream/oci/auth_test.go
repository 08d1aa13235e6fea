package oci

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"havn/firmware"
)

const (
	user     = "gateway"
	password = "pa55word-of-the-gateway"
	token    = "t0ken-of-the-gateway"
)

// basic makes d ask for an account, whose password may change.
func (d *double) basic(password func() string) {
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		u, p, _ := r.BasicAuth()
		if u == user && p == password() {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="double"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// bearer makes d ask for token, which the token server at realm + "/token" hands
// out. Only a double that is its own realm serves it.
func (d *double) bearer(realm string) {
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			serveToken(w, r)
			return true
		}
		if r.Header.Get("Authorization") == "Bearer "+token {
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer realm="%s/token",service="double",scope="repository:fw:pull"`, realm))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

func serveToken(w http.ResponseWriter, r *http.Request) {
	if u, p, _ := r.BasicAuth(); u != user || p != password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"token": token})
}

// account returns the configuration of d with an account and the password file.
func account(t *testing.T, d *double) (Registry, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	writeFile(t, path, password+"\n")
	return Registry{Host: d.host(), Username: user, PasswordFile: path}, path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBasicAndRotation(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	var mu sync.Mutex
	current := password
	d.basic(func() string {
		mu.Lock()
		defer mu.Unlock()
		return current
	})
	registry, path := account(t, d)
	s := newSource(t, Config{Registries: []Registry{registry}})
	mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))

	mu.Lock()
	current = "rotated"
	mu.Unlock()
	_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if !errors.Is(err, firmware.ErrDenied) {
		t.Errorf("old password: error %v, want %v", err, firmware.ErrDenied)
	}
	writeFile(t, path, "rotated")
	mustResolve(t, s, d.image("fw:v1"))
}

func TestBearer(t *testing.T) {
	for _, other := range []bool{false, true} {
		d, realm := newDouble(t), newDouble(t)
		d.artifact("fw", "v1", "1.0", []byte("one"))
		if !other {
			realm = d
		}
		realm.bearer("")
		d.bearer("http://" + strings.Replace(realm.host(), "127.0.0.1", "localhost", 1))
		registry, path := account(t, d)
		s := newSource(t, Config{Registries: []Registry{registry}})
		mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))
		mustResolve(t, s, d.image("fw:v1"))
		if n := strings.Count(strings.Join(realm.asked(), "\n"), "/token"); n != 1 {
			t.Errorf("%d tokens asked for, want 1 for all requests", n)
		}

		writeFile(t, path, "wrong")
		s = newSource(t, Config{Registries: []Registry{registry}})
		_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
		if !errors.Is(err, firmware.ErrDenied) {
			t.Errorf("wrong password: error %v, want %v", err, firmware.ErrDenied)
		}
	}
}

// TestCredentialsOfOneHost: another host is asked without.
func TestCredentialsOfOneHost(t *testing.T) {
	mine, other := newDouble(t), newDouble(t)
	other.artifact("fw", "v1", "1.0", []byte("one"))
	seen := other.authorizations()
	registry, _ := account(t, mine)
	s := newSource(t, Config{Registries: []Registry{registry, {Host: other.host()}}})
	mustFetch(t, s, mustResolve(t, s, other.image("fw:v1")))
	if got := seen(); len(got) > 0 {
		t.Errorf("sent %q to another host", got)
	}
}

// authorizations makes d note all Authorization and Cookie headers.
func (d *double) authorizations() func() []string {
	var mu sync.Mutex
	var seen []string
	d.before = func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header["Authorization"]...)
		seen = append(seen, r.Header["Cookie"]...)
		return false
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestDockerKeychain(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	d.basic(func() string { return password })
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	writeFile(t, filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"),
		fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, d.host(), auth))
	s := sourceOf(t, d)
	mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))
}

// TestErrorsKeepSecrets lets the other side repeat all it was told.
func TestErrorsKeepSecrets(t *testing.T) {
	signed := "?X-Amz-Signature=" + token
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"echo": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			status := http.StatusUnauthorized
			if r.Header.Get("Authorization") != "" {
				status = http.StatusTeapot
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`,
				password, r.Header.Get("Authorization")+password)
			return true
		},
		"token refused": func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token"`)
			if r.URL.Path == "/token" {
				fmt.Fprintf(w, `{"refresh_token":%q}`, token)
				return true
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		},
		"signed redirect": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			http.Redirect(w, r, "http://127.0.0.1:1/x"+signed, http.StatusTemporaryRedirect)
			return true
		},
		"signed redirect, refused": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			http.Redirect(w, r, "http://storage.example/x"+signed, http.StatusTemporaryRedirect)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t)
			d.before = before
			registry, path := account(t, d)
			s := newSource(t, Config{Registries: []Registry{registry}})
			_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
			if err == nil {
				t.Fatal("no error")
			}
			basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
			for _, secret := range []string{password, token, basic} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
			os.Remove(path)
			s = newSource(t, Config{Registries: []Registry{registry}})
			if _, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1"))); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestPasswordFileErrors(t *testing.T) {
	d := newDouble(t)
	d.basic(func() string { return password })
	registry, path := account(t, d)
	for name, spoil := range map[string]func() error{
		"is empty":     func() error { return os.WriteFile(path, []byte("\n"), 0o600) },
		"no such file": func() error { return os.Remove(path) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		s := newSource(t, Config{Registries: []Registry{registry}})
		_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
		if err == nil || sentinel(err) != nil {
			t.Fatalf("%s: error %v, want one without sentinel", name, err)
		}
		mentions(t, err.Error(), "password_file", path, name)
		writeFile(t, path, "")
	}
}
