package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/firmware"
)

// writeFirmware writes a firmware file and returns its path.
func writeFirmware(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blinky.bin")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPushResolveFetch takes firmware the whole way round.
func TestPushResolveFetch(t *testing.T) {
	d := newDouble(t)
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(b)
	var mu sync.Mutex
	var done, total int64
	opts := PushOptions{File: writeFirmware(t, b), Image: d.image("team/blinky:v2"), Version: "2.0",
		Progress: func(d, t int64) {
			mu.Lock()
			defer mu.Unlock()
			done, total = d, t
		}}
	result, err := Push(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if done != int64(len(b)) || total != done {
		t.Errorf("progress ended at %d of %d, want %d", done, total, len(b))
	}

	s := sourceOf(t, d)
	m := mustResolve(t, s, opts.Image)
	want := firmware.Metadata{Version: "2.0", Digest: digestOf(b), Size: uint32(len(b)),
		Origin: firmware.Origin{Kind: Kind.Name, Repository: d.image("team/blinky"),
			Manifest: result.Manifest, Layer: digestOf(b).String()}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	mustFetch(t, s, m)
	made := PushResult{Reference: d.image("team/blinky@" + result.Manifest),
		Manifest: result.Manifest, Digest: digestOf(b), Size: uint32(len(b))}
	if diff := cmp.Diff(made, result); diff != "" {
		t.Error(diff)
	}
	mustFetch(t, s, mustResolve(t, s, result.Reference))

	again, err := Push(t.Context(), opts)
	if err != nil || again != result {
		t.Errorf("pushed again: %+v, %v, want %+v", again, err, result)
	}
}

// TestPushedManifest compares with a file: what is pushed must not change.
func TestPushedManifest(t *testing.T) {
	d := newDouble(t)
	result, err := Push(t.Context(), PushOptions{File: writeFirmware(t, []byte("the firmware")),
		Image: d.image("blinky:v2"), Version: "2.0"})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(d.URL + "/v2/blinky/manifests/v2")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("artifact/testdata/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, golden); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Error(diff)
	}
	if result.Manifest != digestOf(got).String() {
		t.Errorf("manifest digest %s, want %s", result.Manifest, digestOf(got))
	}
}

func TestPushRefuses(t *testing.T) {
	good := writeFirmware(t, []byte("x"))
	empty := writeFirmware(t, nil)
	for name, test := range map[string]struct {
		file, image, version string
		want                 error
	}{
		"no host":      {good, "blinky:v2", "1", firmware.ErrInvalid},
		"no tag":       {good, "r.example/blinky", "1", firmware.ErrInvalid},
		"digest":       {good, "r.example/b@sha256:" + strings.Repeat("0", 64), "1", firmware.ErrInvalid},
		"no version":   {good, "r.example/b:1", "", firmware.ErrInvalid},
		"long version": {good, "r.example/b:1", strings.Repeat("v", 65), firmware.ErrInvalid},
		"empty file":   {empty, "r.example/b:1", "1", firmware.ErrInvalid},
		"no file":      {good + "x", "r.example/b:1", "1", os.ErrNotExist},
	} {
		_, err := Push(t.Context(),
			PushOptions{File: test.file, Image: test.image, Version: test.version})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}

func TestPushDenied(t *testing.T) {
	d := newDouble(t)
	d.basic(func() string { return password })
	_, err := Push(t.Context(), PushOptions{File: writeFirmware(t, []byte("x")),
		Image: d.image("blinky:v2"), Version: "2.0"})
	if !errors.Is(err, firmware.ErrDenied) {
		t.Fatalf("error %v, want %v", err, firmware.ErrDenied)
	}
	mentions(t, err.Error(), "docker login "+d.host())
}

func TestPushEndsWithItsContext(t *testing.T) {
	d := newDouble(t)
	ctx, cancel := context.WithCancel(t.Context())
	d.before = func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	_, err := Push(ctx, PushOptions{File: writeFirmware(t, []byte("x")),
		Image: d.image("blinky:v2"), Version: "2.0"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
