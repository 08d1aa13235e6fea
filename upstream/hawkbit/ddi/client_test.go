package ddi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asking returns a client of a server that answers with handler.
func asking(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Base: Base(at, "DEFAULT")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestPause(t *testing.T) {
	for _, test := range []struct {
		code  int
		after string
		want  time.Duration
	}{
		{http.StatusTooManyRequests, "90", 90 * time.Second},
		{http.StatusTooManyRequests, "", pause},
		{http.StatusServiceUnavailable, "90", 90 * time.Second},
	} {
		var asked atomic.Int32
		c := asking(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Retry-After", test.after)
			w.WriteHeader(test.code)
		})
		for range 3 {
			_, err := c.Poll(t.Context(), c.Controller("dev1"), Poll{})
			if got := link.Pause(err); got > test.want || got < test.want-5*time.Second {
				t.Errorf("pause of %v, want %v: %v", got, test.want, err)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("asked %d times within the pause", asked.Load())
		}
	}
}

// TestFullAction is refused with the status of too many requests, which asks for
// no pause.
func TestFullAction(t *testing.T) {
	c := asking(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"errorCode":"hawkbit.server.error.quota.tooManyEntries"}`))
	})
	for range 2 {
		err := c.Feedback(t.Context(), c.Controller("dev1"), Feedback{Execution: Proceeding, Result: None})
		if !Full(err) || Final(err) || link.Pause(err) != 0 {
			t.Errorf("full %v, final %v, pause %v: %v", Full(err), Final(err), link.Pause(err), err)
		}
	}
}

func TestUnchangedPoll(t *testing.T) {
	c := asking(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		_, _ = w.Write(sample(t, "poll"))
	})
	var p Poll
	for range 2 {
		var err error
		p, err = c.Poll(t.Context(), c.Controller("dev1"), p)
		if err != nil || p.Links[DeploymentBase].Href == "" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}
