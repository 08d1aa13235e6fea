package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// answering returns the URL of a server that answers with handler.
func answering(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	s.Config.ErrorLog = discard
	return s.URL
}

// withSecrets adds to a URL what must not be seen.
func withSecrets(url string) string {
	return strings.Replace(url, "://", "://user:secret@", 1) + "/apps?token=secret"
}

func TestStatusError(t *testing.T) {
	at := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "busy"+strings.Repeat(".", maxErrorBody))
	})
	_, err := newClient(t, ClientConfig{}).Do(get(t, withSecrets(at)), 10)
	status, ok := errors.AsType[*StatusError](fmt.Errorf("device registry: %w", err))
	if !ok {
		t.Fatalf("error %v, want a StatusError", err)
	}
	want := "GET " + at + "/apps: answer 503 Service Unavailable"
	if err.Error() != want || status.Code != 503 || status.Pause != 90*time.Second {
		t.Errorf("%q, %d, %v, want %q", err, status.Code, status.Pause, want)
	}
	if len(status.Body) != maxErrorBody || !strings.HasPrefix(string(status.Body), "busy") {
		t.Errorf("body of %d bytes", len(status.Body))
	}
	after, ok := errors.AsType[*backoff.RetryAfterError](err)
	if !ok || after.Duration != status.Pause || Pause(err) != status.Pause {
		t.Errorf("%v is no RetryAfterError of %v", err, status.Pause)
	}
}

func TestStatusErrorWithoutPause(t *testing.T) {
	at := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	_, err := newClient(t, ClientConfig{}).Do(get(t, at), 10)
	if err == nil || errors.As(err, new(*backoff.RetryAfterError)) || Pause(err) != 0 {
		t.Errorf("%v asks for a pause that the server did not ask for", err)
	}
}

// TestPauseIsKept: while a server wants to be left alone, only other servers are
// asked.
func TestPauseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		c := newClient(t, ClientConfig{Dial: answeringPipes(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Host+r.URL.Path)
			if code := map[string]int{"/busy": 503, "/bad": 406}[r.URL.Path]; code != 0 {
				w.Header().Set("Retry-After", "90")
				w.WriteHeader(code)
			}
		})})
		defer c.Close()
		if _, err := c.Do(get(t, "http://a.test/bad"), 10); Pause(err) != 90*time.Second {
			t.Errorf("pause of %v, want that of the answer: %v", Pause(err), err)
		}
		_, err := c.Do(get(t, "http://a.test/busy"), 10) // is sent: the pause was about /bad
		for want := 90 * time.Second; want > 0; want -= 40 * time.Second {
			if got := Pause(err); got != want {
				t.Errorf("pause of %v, want %v: %v", got, want, err)
			}
			time.Sleep(40 * time.Second)
			_, err = c.Do(get(t, "http://a.test/idle"), 10)
		}
		if err != nil {
			t.Errorf("after the pause: %v", err)
		}
		_, _ = c.Do(get(t, "http://a.test/busy"), 10)
		if _, err := c.Do(get(t, "http://b.test/idle"), 10); err != nil {
			t.Errorf("another server: %v", err)
		}
		_, err = c.Do(get(t, "http://a.test/idle"), 10)
		if err == nil || !strings.Contains(err.Error(), "/busy: answer 503 Service Unavailable; not asked again before ") {
			t.Errorf("error %v", err)
		}
		if got := strings.Join(asked, " "); got != "a.test/bad a.test/busy a.test/idle a.test/busy b.test/idle" {
			t.Errorf("asked %s", got)
		}
	})
}

// answeringPipes connects to a server without a network, for tests on fake time.
func answeringPipes(t *testing.T, handler http.HandlerFunc) Dial {
	t.Helper()
	conns := make(chan net.Conn)
	s := &http.Server{Handler: handler, ErrorLog: discard}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(pipes{conns})
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		conns <- there
		return here, nil
	}
}

// pipes is a listener.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p.conns); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestAnswer(t *testing.T) {
	at := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "12345")
	})
	c := newClient(t, ClientConfig{})
	a, err := c.Do(get(t, at), 5)
	if err != nil || string(a.Body) != "12345" || a.Code != 200 || a.Header.Get("ETag") != `"1"` {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Do(get(t, at), 4); !errors.As(err, new(*http.MaxBytesError)) {
		t.Errorf("error %v of a body that is too long", err)
	}
	req := get(t, at)
	req.Header.Set("If-None-Match", `"1"`)
	if a, err := c.Do(req, 5); err != nil || a.Code != http.StatusNotModified || len(a.Body) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnswerThatBreaksOff(t *testing.T) {
	for _, code := range []int{http.StatusOK, http.StatusNotFound} {
		at := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(code)
			fmt.Fprint(w, "half")
		})
		_, err := newClient(t, ClientConfig{}).Do(get(t, withSecrets(at)), 10)
		if err == nil || errors.As(err, new(*StatusError)) || !strings.Contains(err.Error(), "broke off") {
			t.Errorf("%d: error %v, want one that is no answer", code, err)
		}
		checkNoSecret(t, err)
	}
}

func checkNoSecret(t *testing.T, err error) {
	t.Helper()
	if text := fmt.Sprint(err); strings.Contains(text, "secret") {
		t.Errorf("a secret is in the error: %s", text)
	}
}

func TestNoServer(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := newClient(t, ClientConfig{}).Do(get(t, withSecrets(s.URL)), 10)
	checkNoSecret(t, err)
	if err == nil || !strings.HasPrefix(err.Error(), "GET "+s.URL+"/apps: dial tcp ") {
		t.Errorf("error %v", err)
	}
}

// TestTimeout has a server that answers too late, or not to the end.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	for _, begun := range []bool{false, true} {
		at := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				w.WriteHeader(http.StatusOK)
				w.(http.Flusher).Flush()
			}
			<-release
		})
		c := newClient(t, ClientConfig{Timeout: 50 * time.Millisecond})
		_, err := c.Do(get(t, at), 10)
		if !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "no whole answer within 50ms") {
			t.Errorf("error %v", err)
		}
	}
	close(release)
}

func TestCredentials(t *testing.T) {
	var seen []string
	var at string
	at = answering(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, at+"/here", http.StatusFound)
		}
	})
	token := File{"token_file", write(t, "one")}
	c := newClient(t, ClientConfig{
		Authorize: func(req *http.Request) error {
			secret, err := token.Token()
			req.Header.Set("Authorization", secret)
			return err
		},
		Redirect: func(*http.Request, []*http.Request) error { return nil },
	})
	req := get(t, at+"/moved")
	if _, err := c.Do(req, 10); err != nil {
		t.Fatal(err)
	}
	if len(req.Header) != 0 {
		t.Errorf("credentials are on the caller's request: %v", req.Header)
	}
	replace(t, token.Path, "two")
	if _, err := c.Do(get(t, at), 10); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "one one two" {
		t.Errorf("seen %s, want one one two", got)
	}
	replace(t, token.Path, "")
	if _, err := c.Do(get(t, at), 10); err == nil || !strings.Contains(err.Error(), "token_file: ") {
		t.Errorf("error %v of an empty token", err)
	}
}

func TestRedirectIsNoAnswer(t *testing.T) {
	at := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login", http.StatusFound)
	})
	_, err := newClient(t, ClientConfig{}).Do(get(t, at), 10)
	if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != http.StatusFound {
		t.Errorf("error %v, want the redirect", err)
	}
}
