package hawkbit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
	"havn/link"
	"havn/upstream/hawkbit/hawkbittest"
)

const artifacts = "GET /DEFAULT/controller/v1/dev1/softwaremodules"

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("1", image(1<<20))
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Match: artifacts, Cut: 300_000, Times: 3})
		if err := w.download(m); err != nil {
			t.Error(err)
		}
		if n := w.asked(artifacts); n != 4 || w.Stats().Resumed.Load() != 3 {
			t.Errorf("%d requests, %d resumptions", n, w.Stats().Resumed.Load())
		}
		if n := w.count(id, hawkbittest.Download); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

// TestResumeManyTimes requires that a poor link that brings something each time
// brings it all.
func TestResumeManyTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(1<<20))
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Match: artifacts, Cut: 64 << 10})
		if err := w.download(m); err != nil {
			t.Error(err)
		}
		w.server.Heal()
	})
}

func TestResumeEnds(t *testing.T) {
	for name, test := range map[string]struct {
		fault hawkbittest.Fault
		want  string
		is    error
	}{
		"no gain":  {hawkbittest.Fault{Cut: 1000}, "for the 6th time", nil},
		"gone":     {hawkbittest.Fault{Status: 404}, "404", nil},
		"denied":   {hawkbittest.Fault{Status: 403}, "403", firmware.ErrDenied},
		"shorter":  {hawkbittest.Fault{Status: 416}, "416", firmware.ErrDigest},
		"throttle": {hawkbittest.Fault{Status: 429}, "429", nil},
		"other part": {hawkbittest.Fault{Status: 206, Header: http.Header{
			"Content-Range": {"bytes 7-9/10"}}}, "bytes 7-9/10", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{})
			w.assign("1", image(100_000))
			m := w.mustResolve()
			w.server.Inject(hawkbittest.Fault{Match: artifacts, Cut: 500, Times: 1})
			test.fault.Match = artifacts
			w.server.Inject(test.fault)
			err := w.download(m)
			if err == nil || !strings.Contains(err.Error(), test.want) ||
				test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%s: %v", name, err)
			}
			if n := w.asked(artifacts); n > 2+6 {
				t.Errorf("%s: %d requests", name, n)
			}
		})
	}
}

// TestStalledDownload requires that a silent server is left and asked again.
func TestStalledDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, data := newWorld(t, hawkbittest.Config{}), image(1000)
		calls := 0
		w.net.serve(t, "silent.test:80", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if calls++; calls > 1 {
				http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
				return
			}
			rw.Header().Set("Content-Length", "1000")
			_, _ = rw.Write(data[:500])
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}))
		w.assign("1", data)
		m := w.mustResolve()
		m.Origin.Path = "http://silent.test/fw"
		start := time.Now()
		if err := w.download(m); err != nil {
			t.Error(err)
		}
		waited := time.Since(start) - link.StallTimeout
		if waited < 500*time.Millisecond || waited > 1500*time.Millisecond {
			t.Errorf("asked again %v after %v of silence", waited, link.StallTimeout)
		}
	})
}

// TestServerWithoutRange requires that a server that sends all again is heard.
func TestServerWithoutRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, data := newWorld(t, hawkbittest.Config{}), image(100_000)
		calls := 0
		w.net.serve(t, "plain.test:80", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("the token went to another host")
			}
			if calls++; calls == 1 {
				rw.Header().Set("Content-Length", "100000")
				_, _ = rw.Write(data[:70_000])
				_ = http.NewResponseController(rw).Flush()
				panic(http.ErrAbortHandler)
			}
			_, _ = rw.Write(data)
		}))
		w.assign("1", data)
		m := w.mustResolve()
		m.Origin.Path = "http://plain.test/fw"
		if err := w.download(m); err != nil {
			t.Error(err)
		}
	})
}

// TestRedirectWithoutToken requires that a redirect does not carry the token
// away.
func TestRedirectWithoutToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, data := newWorld(t, hawkbittest.Config{}), image(100)
		w.net.serve(t, "hawkbit.test:8080", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("the token went to another port")
			}
			_, _ = rw.Write(data)
		}))
		w.assign("1", data)
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Match: artifacts, Status: 302,
			Header: http.Header{"Location": {"http://hawkbit.test:8080/fw"}}})
		if err := w.download(m); err != nil {
			t.Error(err)
		}
	})
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(100_000))
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Match: artifacts, Cut: 500})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		rc, err := w.Fetch(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		if _, err := io.ReadAll(rc); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestFetchWithoutURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		if _, err := w.Fetch(context.Background(), firmware.Metadata{}); !errors.Is(err, firmware.ErrInvalid) {
			t.Error(err)
		}
	})
}
