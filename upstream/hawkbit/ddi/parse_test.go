package ddi

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"havn/link"
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
	})
}

// sample returns a document as hawkBit writes it.
func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	return b
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
	prefixesFail[Poll](t, sample(t, "poll"))
	prefixesFail[Deployment](t, sample(t, "deployment"))
	prefixesFail[Cancel](t, sample(t, "cancel"))
	prefixesFail[problem](t, []byte(`{"errorCode":"a"}`))
}

func FuzzPoll(f *testing.F) {
	f.Add(sample(f, "poll"))
	f.Add([]byte(`{"config":{"polling":{"sleep":300}},"_links":{"deploymentBase":{"href":"../x?c=1"}}}`))
	base, _ := url.Parse("https://h.test/DEFAULT/controller/v1/dev1")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse[Poll](b)
		if err != nil {
			return
		}
		for _, l := range p.Links {
			if u, err := Resource(base, l.Href); err == nil && !sameOrigin(u, base) {
				t.Errorf("%q leads to %s", l.Href, u)
			}
		}
	})
}

func FuzzDeployment(f *testing.F) {
	f.Add(sample(f, "deployment"))
	f.Add([]byte(`{"deployment":{"chunks":[{"artifacts":[{"filename":"a.bin","size":5,` +
		`"_links":{"download":{"href":"//cdn.test/x"}}}]}]}}`))
	base, _ := url.Parse("https://h.test/DEFAULT/controller/v1/dev1/deploymentBase/1")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parse[Deployment](b)
		if err != nil {
			return
		}
		for _, c := range d.Deployment.Chunks {
			for _, a := range c.Artifacts {
				if u, err := a.URL(base); err == nil && (u.Host == "" || u.User != nil) {
					t.Errorf("%v leads to %s", a.Links, u)
				}
			}
		}
	})
}

func FuzzCancel(f *testing.F) {
	f.Add(sample(f, "cancel"))
	f.Add([]byte(`{"cancelAction":{"stopId":11}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parse[Cancel](b); err == nil {
			_ = string(c.CancelAction.StopID)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"errorCode":"hawkbit.server.error.quota.tooManyEntries"}`), 429)
	f.Fuzz(func(t *testing.T, b []byte, code int) {
		text := newRefusal(&link.StatusError{Code: code, Body: b}).Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q", text)
		}
	})
}

func TestDownloadLink(t *testing.T) {
	for want, l := range map[string]Links{
		"d":  {"download-http": {"h"}, "download": {"d"}, "download-a": {"a"}},
		"h":  {"download-http": {"h"}, "download-a": {"a"}},
		"a":  {"download-z": {"z"}, "download-a": {"a"}},
		"x":  {"md5sum-http": {"x.MD5SUM"}},
		"":   {"self": {"s"}, "download": {""}},
		"d2": {"download": {""}, "download-b": {"d2"}},
	} {
		if got, ok := l.Download(); got != want || ok != (want != "") {
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
		got, err := Artifact{Links: Links{"download": {href}}}.URL(base)
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
