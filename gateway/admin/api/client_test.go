package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/link"
	"havn/upstream/file"
)

// asked is a client of an API over e.
func asked(t *testing.T, e Engine) *Client {
	t.Helper()
	mux := http.NewServeMux()
	API{Engine: e, Kinds: kinds, Images: images, Summary: summary}.Register(mux)
	return client(t, mux, link.File{})
}

func client(t *testing.T, h http.Handler, token link.File) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := NewClient(server.URL+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestClientReads(t *testing.T) {
	e := &site{}
	c := asked(t, e)
	var want []Device
	for _, s := range e.Devices("") {
		want = append(want, deviceOf(s))
	}
	got, err := c.Devices(t.Context(), "")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for _, d := range want {
		got, err := c.Device(t.Context(), dfu.Device{Application: d.Application, Name: d.Name})
		if diff := cmp.Diff(d, got); err != nil || diff != "" {
			t.Errorf("%s: %v, %s", d.Name, err, diff)
		}
	}
	held, err := c.Images(t.Context())
	if diff := cmp.Diff(images(), held); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	glance, err := c.Summary(t.Context())
	if diff := cmp.Diff(summary(), glance); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

func TestClientReadsAllPages(t *testing.T) {
	c := asked(t, &fake{devices: 2*maxLimit + 1})
	all, err := c.Devices(t.Context(), "app")
	if err != nil || len(all) != 2*maxLimit+1 || all[len(all)-1].Name != "d2000" {
		t.Errorf("%d devices, %v", len(all), err)
	}
}

func TestClientOperates(t *testing.T) {
	f := &fake{}
	c, dev := asked(t, f), dfu.Device{Application: "a b", Name: "d%/1"}
	spec := file.Ref{Name: "n"}.Spec()
	err := errors.Join(c.Assign(t.Context(), dev, spec), c.Unassign(t.Context(), dev),
		c.Retry(t.Context(), dev), c.Forget(t.Context(), dev), c.Refresh(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"assign file:n a b/d%/1", "unassign a b/d%/1", "retry a b/d%/1", "forget a b/d%/1", "refresh"}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestClientIsRefused(t *testing.T) {
	c := asked(t, &fake{})
	_, err := c.Device(t.Context(), dfu.Device{Application: "app", Name: "none"})
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code != http.StatusNotFound || refused.Message == "" {
		t.Errorf("%v", err)
	}
	c = client(t, http.NotFoundHandler(), link.File{})
	if err := c.Refresh(t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "404") {
		t.Errorf("not a gateway: %v", err)
	}
	c = client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }), link.File{})
	if _, err := c.Summary(t.Context()); err == nil || errors.As(err, new(*Refused)) {
		t.Errorf("not a gateway: %v", err)
	}
	c, err = NewClient("http://127.0.0.1:1", link.File{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err == nil || errors.As(err, new(*Refused)) {
		t.Errorf("no gateway: %v", err)
	}
}

func TestClientToken(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	got := ""
	c := client(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }),
		link.File{Key: "--token-file", Path: token})
	if err := c.Refresh(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no token: %v", err)
	}
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil || got != "Bearer secret" {
		t.Errorf("%q, %v", got, err)
	}
}
