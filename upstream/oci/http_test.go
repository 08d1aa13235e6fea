package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"havn/firmware"
	"havn/link"
)

// sentinel returns the sentinel that err wraps, nil if none.
func sentinel(err error) error {
	for _, s := range []error{firmware.ErrNotFound, firmware.ErrPending, firmware.ErrDigest,
		firmware.ErrTooLarge, firmware.ErrDenied, firmware.ErrInvalid} {
		if errors.Is(err, s) {
			return s
		}
	}
	return nil
}

// answer makes the double answer all but the ping with a status.
func answer(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

func TestAnswersBecomeSentinels(t *testing.T) {
	errorsBody := func(code string) string {
		return `{"errors":[{"code":"` + code + `","message":"secret text"}]}`
	}
	for _, test := range []struct {
		status int
		body   string
		want   error
		words  []string
	}{
		{404, errorsBody("MANIFEST_UNKNOWN"), firmware.ErrNotFound, []string{"404", "MANIFEST_UNKNOWN"}},
		{404, "nginx", firmware.ErrNotFound, []string{"404"}},
		{400, errorsBody("NAME_UNKNOWN"), firmware.ErrNotFound, []string{"NAME_UNKNOWN"}},
		{401, "", firmware.ErrDenied, []string{"401", "docker login", "password_file"}},
		{403, errorsBody("DENIED"), firmware.ErrDenied, []string{"403", "DENIED", "docker login"}},
		{400, errorsBody("UNAUTHORIZED"), firmware.ErrDenied, []string{"UNAUTHORIZED"}},
		{429, errorsBody("TOOMANYREQUESTS"), nil, []string{"429", "TOOMANYREQUESTS"}},
		{500, strings.Repeat("secret text\n", 100), nil, []string{"500"}},
		{503, errorsBody("secret text"), nil, []string{"503"}},
		{302, "", nil, []string{"302"}},
	} {
		t.Run(fmt.Sprint(test.status, test.body), func(t *testing.T) {
			d := newDouble(t)
			d.before = answer(test.status, test.body)
			s := sourceOf(t, d)
			digest := "sha256:" + strings.Repeat("0", 64)
			_, err := s.Resolve(t.Context(), device, spec(d.image("fw@"+digest)))
			check := func(err error) {
				if err == nil || sentinel(err) != test.want {
					t.Fatalf("error %v with sentinel %v, want %v", err, sentinel(err), test.want)
				}
				mentions(t, err.Error(), append(test.words, d.host())...)
				if strings.Contains(err.Error(), "secret") || len(err.Error()) > 600 {
					t.Errorf("error shows what the registry wrote: %v", err)
				}
			}
			check(err)
			_, err = s.Fetch(t.Context(), firmware.Metadata{Size: 1,
				Origin: firmware.Origin{Repository: d.image("fw"), Layer: digest}})
			check(err)
		})
	}
}

// TestBusyRegistry: who asks again learns how long the registry wants to be left
// alone.
func TestBusyRegistry(t *testing.T) {
	d := newDouble(t)
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "90")
		return answer(http.StatusTooManyRequests, "")(w, r)
	}
	_, err := sourceOf(t, d).Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if got := link.Pause(err); got != 90*time.Second || sentinel(err) != nil {
		t.Errorf("pause of %v, want 90 s: %v", got, err)
	}
}

func TestRegistryAway(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	s := sourceOf(t, d)
	m := mustResolve(t, s, d.image("fw:v1"))
	d.Close()
	_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if err == nil || sentinel(err) != nil {
		t.Errorf("resolve: error %v, want one without sentinel", err)
	}
	if _, err := s.Fetch(t.Context(), m); err == nil || sentinel(err) != nil {
		t.Errorf("fetch: error %v, want one without sentinel", err)
	}
}

// TestNoRegistry: a 404 to the ping does not say that an image is missing.
func TestNoRegistry(t *testing.T) {
	d := newDouble(t)
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		http.NotFound(w, r)
		return true
	}
	_, err := sourceOf(t, d).Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if err == nil || sentinel(err) != nil {
		t.Errorf("error %v, want one without sentinel", err)
	}
}

// TestRecovers: a client that failed is not kept.
func TestRecovers(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	d.before = answer(http.StatusBadGateway, "")
	s := sourceOf(t, d)
	if _, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1"))); err == nil {
		t.Fatal("no error")
	}
	d.before = nil
	mustResolve(t, s, d.image("fw:v1"))
}

// TestTruncatedBody: a connection that ends early is away, not a wrong digest.
func TestTruncatedBody(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("the firmware"))
	s := sourceOf(t, d)
	m := mustResolve(t, s, d.image("fw:v1"))
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Content-Length", "12")
		io.WriteString(w, "the")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if _, err := fetchAll(t, s, m); err == nil || sentinel(err) != nil {
		t.Errorf("error %v, want one without sentinel", err)
	}
}

// TestHangingRegistry never answers: the context ends it, in every phase.
func TestHangingRegistry(t *testing.T) {
	for _, path := range []string{"/v2/", "/v2/fw/manifests/v1"} {
		ctx, cancel := context.WithCancel(t.Context())
		d := newDouble(t)
		d.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == path {
				cancel()
				<-r.Context().Done()
			}
			return r.URL.Path == path
		}
		_, err := sourceOf(t, d).Resolve(ctx, device, spec(d.image("fw:v1")))
		if !errors.Is(err, context.Canceled) || sentinel(err) != nil {
			t.Errorf("%s: error %v, want %v", path, err, context.Canceled)
		}
	}
}
