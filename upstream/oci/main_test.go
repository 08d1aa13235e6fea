package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
)

// What an image of format (a) has.
const (
	layerType         = "application/octet-stream"
	versionAnnotation = "org.opencontainers.image.version"
)

var device = dfu.Device{Application: "app", Name: "dev"}

// TestMain hides the Docker configuration of whoever runs the tests.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "oci")
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"} {
		os.Unsetenv(key)
	}
	os.Setenv("HOME", home)
	os.Setenv("XDG_CONFIG_HOME", home)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(home)
		os.Exit(code)
	}))
}

// double is a registry that notes what it is asked.
type double struct {
	*httptest.Server
	store http.Handler
	// before, if set, may answer a request and then returns true.
	before func(w http.ResponseWriter, r *http.Request) bool

	mu  sync.Mutex
	log []string // METHOD PATH
}

func newDouble(t *testing.T) *double {
	d := unstartedDouble()
	d.Start()
	t.Cleanup(d.Close)
	return d
}

func unstartedDouble() *double {
	d := &double{store: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	d.Server = httptest.NewUnstartedServer(d)
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.log = append(d.log, r.Method+" "+r.URL.Path)
	d.mu.Unlock()
	if d.before == nil || !d.before(w, r) {
		d.store.ServeHTTP(w, r)
	}
}

// asked returns the requests since the last call, those for /v2/ left out.
func (d *double) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var log []string
	for _, line := range d.log {
		if line != "GET /v2/" {
			log = append(log, line)
		}
	}
	d.log = nil
	return log
}

func (d *double) host() string { return d.Listener.Addr().String() }

// image returns the name of an image in the double.
func (d *double) image(rest string) string { return d.host() + "/" + rest }

// put stores something without being asked over the network.
func (d *double) put(method, path, contentType string, b []byte) {
	r := httptest.NewRequest(method, path, bytes.NewReader(b))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	d.store.ServeHTTP(w, r)
	if w.Code/100 != 2 {
		panic(fmt.Sprintf("%s %s: %d %s", method, path, w.Code, w.Body))
	}
}

// layer stores a blob and returns its descriptor.
func (d *double) layer(repo, mediaType string, b []byte) v1.Descriptor {
	h, size, _ := v1.SHA256(bytes.NewReader(b))
	d.put("POST", "/v2/"+repo+"/blobs/uploads/?digest="+h.String(), layerType, b)
	return v1.Descriptor{MediaType: types.MediaType(mediaType), Digest: h, Size: size}
}

// manifest stores a manifest of layers under a tag.
func (d *double) manifest(repo, tag string, annotations map[string]string,
	layers ...v1.Descriptor) v1.Descriptor {
	return d.document(repo, tag, types.OCIManifestSchema1, v1.Manifest{SchemaVersion: 2,
		MediaType: types.OCIManifestSchema1, Config: d.layer(repo, string(types.OCIEmptyJSON),
			[]byte("{}")), Layers: layers, Annotations: annotations})
}

// document stores any JSON as a manifest, under its digest too.
func (d *double) document(repo, tag string, mediaType types.MediaType, doc any) v1.Descriptor {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	h, size, _ := v1.SHA256(bytes.NewReader(b))
	for _, ref := range []string{tag, h.String()} {
		d.put("PUT", "/v2/"+repo+"/manifests/"+ref, string(mediaType), b)
	}
	return v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}
}

// artifact stores format (a).
func (d *double) artifact(repo, tag, version string, b []byte) v1.Descriptor {
	return d.manifest(repo, tag, map[string]string{versionAnnotation: version},
		d.layer(repo, layerType, b))
}

// newSource makes a source for doubles, whose connections end with the test.
func newSource(t *testing.T, cfg Config) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// sourceOf makes a source that may pull all from d.
func sourceOf(t *testing.T, d *double) *Source {
	t.Helper()
	return newSource(t, Config{Registries: []Registry{{Host: d.host()}}})
}

func spec(image string) firmware.Spec {
	return Ref{Image: image}.Spec()
}

func mustResolve(t *testing.T, s *Source, image string) firmware.Metadata {
	t.Helper()
	m, err := s.Resolve(t.Context(), device, spec(image))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mustFetch fetches m and checks the bytes as the cache does.
func mustFetch(t *testing.T, s *Source, m firmware.Metadata) {
	t.Helper()
	b, err := fetchAll(t, s, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := firmware.NewImage(m, b); err != nil {
		t.Error(err)
	}
}

func fetchAll(t *testing.T, s *Source, m firmware.Metadata) ([]byte, error) {
	t.Helper()
	rc, err := s.Fetch(t.Context(), m)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// bundle returns the firmware "the firmware", version 1.0, as the layer of an
// image of format (c).
func bundle(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/bundle.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digestOf(b []byte) firmware.Digest {
	h, _, _ := v1.SHA256(bytes.NewReader(b))
	d, _ := firmware.ParseDigest(h.Hex)
	return d
}

// mentions fails the test unless text contains all words.
func mentions(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not mention %q", text, word)
		}
	}
}
