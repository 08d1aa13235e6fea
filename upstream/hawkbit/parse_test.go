package hawkbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"havn/firmware"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestParseSleep(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:05:00": 5 * time.Minute, "00:00:30": 30 * time.Second, "12:00:00": 12 * time.Hour,
		"23:59:59": 24*time.Hour - time.Second, "05:00": 5 * time.Minute, "300": 5 * time.Minute,
		"PT36H": 36 * time.Hour, "PT24H30M": 24*time.Hour + 30*time.Minute, "P1D": 24 * time.Hour,
		"P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4*time.Second, "p2w": 14 * 24 * time.Hour,
		"PT0S": 0, " 00:00:10 ": 10 * time.Second,
	} {
		if got, err := parseSleep(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", "P", "PT", "P1Y", "P1M", "PT1H30", "-PT5M", "1:2:3:4", "00:05:", ":05:00", "5m", "PT1.5H", "00.05",
		"99999999999:00:00", "PT99999999999S",
	} {
		if got, err := parseSleep(bad); err == nil {
			t.Errorf("%q accepted as %v", bad, got)
		}
	}
}

func FuzzParseSleep(f *testing.F) {
	for _, seed := range []string{"00:05:00", "PT36H", "P1DT1M", "30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseSleep(text); err == nil && d < 0 {
			t.Errorf("%q: %v", text, d)
		}
		if d := sleepOr(text, defaultSleep); d < minSleep || d > maxSleep {
			t.Errorf("%q: %v", text, d)
		}
	})
}

// document returns what the double answers.
func document(tb testing.TB, path string) []byte {
	s := hawkbittest.New(hawkbittest.Config{GatewayToken: token})
	s.Assign(hawkbittest.Assignment{Controller: "dev1", Window: true, Modules: []hawkbittest.Module{
		{Version: "1.2.0", Files: []hawkbittest.File{{Name: "fw.bin", Data: image(99)}, {Name: "x.txt"}}},
		{Type: "application", Version: "7", Files: []hawkbittest.File{{Name: "app.img", Data: image(9)}}},
	}})
	if strings.Contains(path, "cancelAction") {
		s.Cancel(1)
	}
	r := httptest.NewRequest(http.MethodGet, "/DEFAULT/controller/v1/dev1"+path, nil)
	r.Header.Set("Authorization", "GatewayToken "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		tb.Fatal(path, w.Code)
	}
	return w.Body.Bytes()
}

func prefixesFail[T any](t *testing.T, b []byte) {
	t.Helper()
	if _, err := parse[T](b); err != nil {
		t.Fatal(err)
	}
	for n := range len(b) {
		if _, err := parse[T](b[:n]); err == nil {
			t.Fatalf("prefix of %d bytes accepted: %s", n, b[:n])
		}
	}
}

func TestPrefixesFail(t *testing.T) {
	prefixesFail[poll](t, document(t, ""))
	prefixesFail[deployment](t, document(t, "/deploymentBase/1"))
	prefixesFail[cancel](t, document(t, "/cancelAction/1"))
	prefixesFail[problem](t, []byte(`{"errorCode":"a"}`))
	b, err := json.Marshal(sampleState())
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(b) {
		if _, err := parseState(b[:n]); err == nil {
			t.Fatalf("prefix of %d bytes of a state accepted", n)
		}
	}
}

func FuzzPoll(f *testing.F) {
	f.Add(document(f, ""))
	f.Add([]byte(`{"config":{"polling":{"sleep":300}},"_links":{"deploymentBase":{"href":"../x?c=1"}}}`))
	base, _ := url.Parse("https://h.test/DEFAULT/controller/v1/dev1")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse[poll](b)
		if err != nil {
			return
		}
		for _, l := range p.Links {
			if u, err := resource(base, l.Href); err == nil && !sameOrigin(u, base) {
				t.Errorf("%q leads to %s", l.Href, u)
			}
		}
	})
}

func FuzzDeployment(f *testing.F) {
	f.Add(document(f, "/deploymentBase/1"), "*.bin")
	f.Add([]byte(`{"deployment":{"chunks":[{"version":3,"artifacts":[{"filename":"a.bin","size":1}]}]}}`), "os/*")
	f.Add([]byte(`{"deployment":{"chunks":[{"artifacts":[{"filename":"a.bin","hashes":{"sha256":"`+
		strings.Repeat("0a", 32)+`"},"size":5,"_links":{"download":{"href":"/x"}}}]}]}}`), "*")
	base, _ := url.Parse("https://h.test/DEFAULT/controller/v1/dev1")
	c := &controller{source: &Source{}, id: "dev1"}
	f.Fuzz(func(t *testing.T, b []byte, pattern string) {
		d, err := parse[deployment](b)
		if err != nil {
			return
		}
		c.source.pattern = pattern
		m, err := c.firmware(base, d)
		if err != nil {
			if !errors.Is(err, firmware.ErrInvalid) && !errors.Is(err, firmware.ErrTooLarge) {
				t.Errorf("no verdict: %v", err)
			}
			return
		}
		u, err := url.Parse(m.Origin.Path)
		if m.Digest.IsZero() && m.Version == "" || m.Size == 0 || len(m.Version) > firmware.MaxVersion ||
			err != nil || u.Host == "" {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzCancel(f *testing.F) {
	f.Add(document(f, "/cancelAction/1"))
	f.Add([]byte(`{"cancelAction":{"stopId":11}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parse[cancel](b); err == nil {
			_ = string(c.CancelAction.StopID)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"errorCode":"hawkbit.server.error.quota.tooManyEntries"}`), 429, "7")
	f.Fuzz(func(t *testing.T, b []byte, code int, after string) {
		r := newRefusal(&http.Response{StatusCode: code, Header: http.Header{"Retry-After": {after}}}, b)
		text := r.Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q", text)
		}
		if r.after < 0 || r.after > maxSleep {
			t.Errorf("Retry-After %q: %v", after, r.after)
		}
	})
}

func sampleState() state {
	m := firmware.Metadata{Version: "1", Digest: firmware.Digest{1}, Size: 2,
		Origin: firmware.Origin{Kind: firmware.KindHawkbit, Repository: "dev1", Path: "http://h/x"}}
	return state{
		Action:    &action{ID: "5", URL: "http://h.test/5?c=1", Metadata: m, Window: true, Next: 45},
		Installed: &m, InstalledID: "4", Cancelled: firmware.Digest{9}, Current: "1",
		Outcomes: []outcome{{Action: "4", URL: "http://h.test/4", Execution: closed, Finished: success}},
	}
}

func FuzzState(f *testing.F) {
	seed, err := json.Marshal(sampleState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"action":{"id":"","url":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseState(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseState(again)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(got); err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s came back as %s, %v", again, b, err)
		}
	})
}

func TestChoose(t *testing.T) {
	d, err := parse[deployment](document(t, "/deploymentBase/1"))
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		"*.bin": "fw.bin", "*.img": "app.img", "bApp/*": "app.img", "os/*.bin": "fw.bin",
		"*": "", "*.hex": "", "os/*": "",
	} {
		got, err := d.choose(pattern)
		if got.Filename != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", pattern, got.Filename, err)
		}
		if err != nil && !strings.Contains(err.Error(), "bApp/app.img, os/fw.bin, os/x.txt") {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestDownloadLink(t *testing.T) {
	for want, l := range map[string]links{
		"d":  {"download-http": {"h"}, "download": {"d"}, "download-a": {"a"}},
		"h":  {"download-http": {"h"}, "download-a": {"a"}},
		"a":  {"download-z": {"z"}, "download-a": {"a"}},
		"x":  {"md5sum-http": {"x.MD5SUM"}},
		"":   {"self": {"s"}, "download": {""}},
		"d2": {"download": {""}, "download-b": {"d2"}},
	} {
		if got, ok := l.download(); got != want || ok != (want != "") {
			t.Errorf("%v: %q, %v", l, got, ok)
		}
	}
}

func TestArtifactURL(t *testing.T) {
	base, _ := url.Parse("https://h.test:8443/DEFAULT/controller/v1/dev1/deploymentBase/1")
	for href, want := range map[string]string{
		"http://h.test/a":          "https://h.test:8443/a",
		"http://H.test:80/a":       "https://h.test:8443/a",
		"https://h.test/a":         "https://h.test/a",
		"http://cdn.test/a?k=1":    "http://cdn.test/a?k=1",
		"/a":                       "https://h.test:8443/a",
		"//cdn.test/a":             "https://cdn.test/a",
		"https://u:p@cdn.test/a#f": "https://cdn.test/a",
		"ftp://h.test/a":           "",
		"file:///etc/passwd":       "",
		"http://%zz":               "",
	} {
		got, err := artifactURL(base, href)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", href, got, err)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	base, _ := url.Parse("https://h.test")
	for text, want := range map[string]bool{
		"https://h.test:443/x": true, "https://H.TEST/": true, "http://h.test/": false,
		"https://h.test:8443/": false, "https://x.h.test/": false, "http://h.test:443/": false,
	} {
		u, _ := url.Parse(text)
		if sameOrigin(u, base) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

func TestMetadataRefuses(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, test := range map[string]struct {
		version, sha string
		size         int64
		want         error
	}{
		"long version": {strings.Repeat("v", 65), hex, 1, firmware.ErrInvalid},
		"bad sha256":   {"1", "beef", 1, firmware.ErrInvalid},
		"no size":      {"1", hex, 0, firmware.ErrInvalid},
		"huge":         {"1", hex, 1 << 32, firmware.ErrTooLarge},
	} {
		c := choice{chunk: chunk{Version: text(test.version)}, artifact: artifact{Size: test.size}}
		c.Hashes.SHA256 = test.sha
		if _, err := c.metadata(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := choice{artifact: artifact{Size: 1}}
	c.Hashes.SHA256 = strings.ToUpper(hex)
	if m, err := c.metadata(); err != nil || m.Version != "0a0a0a0a0a0a" {
		t.Errorf("no version: %+v, %v", m, err)
	}
}
