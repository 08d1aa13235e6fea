package oci

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

func index(manifests ...v1.Descriptor) v1.IndexManifest {
	return v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests}
}

func TestIndexOfOne(t *testing.T) {
	d := newDouble(t)
	image := d.artifact("fw", "image", "1.0", []byte("the firmware"))
	proof := d.artifact("fw", "proof", "", []byte("{}"))
	proof.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	for name, manifests := range map[string][]v1.Descriptor{
		"alone": {image}, "with an attestation": {image, proof},
	} {
		t.Run(name, func(t *testing.T) {
			d.document("fw", "v1", types.OCIImageIndex, index(manifests...))
			s := sourceOf(t, d)
			m := mustResolve(t, s, d.image("fw:v1"))
			if m.Version != "1.0" || m.Origin.Manifest != image.Digest.String() {
				t.Errorf("%+v, want version 1.0 of manifest %s", m, image.Digest)
			}
			mustFetch(t, s, m)
			d.asked()
			mustResolve(t, s, d.image("fw:v1"))
			if diff := cmp.Diff([]string{"HEAD /v2/fw/manifests/v1"}, d.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIndexOfTwoIsListed(t *testing.T) {
	d := newDouble(t)
	one := d.artifact("fw", "one", "1.0", []byte("one"))
	two := d.artifact("fw", "two", "1.0", []byte("two"))
	one.Platform = &v1.Platform{OS: "none", Architecture: "cortex-m4"}
	d.document("fw", "v1", types.OCIImageIndex, index(one, two))
	s := sourceOf(t, d)
	_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Fatalf("error %v, want %v", err, firmware.ErrInvalid)
	}
	mentions(t, err.Error(), "2 manifests", one.Digest.String(), "none/cortex-m4", two.Digest.String())
	mustFetch(t, s, mustResolve(t, s, d.image("fw@"+two.Digest.String())))
}

func TestIndexRefused(t *testing.T) {
	d := newDouble(t)
	image := d.artifact("fw", "image", "1.0", []byte("x"))
	inner := d.document("fw", "inner", types.OCIImageIndex, index(image))
	many := make([]v1.Descriptor, 20)
	for i := range many {
		many[i] = d.artifact("fw", fmt.Sprintf("v%d", i), "1.0", fmt.Append(nil, i))
	}
	for name, doc := range map[string]any{
		"empty":         index(),
		"nested":        index(inner),
		"many":          index(many...),
		"index or not?": map[string]any{"manifests": []v1.Descriptor{image}, "layers": []v1.Descriptor{}},
		"schema 1":      map[string]any{"schemaVersion": 1, "fsLayers": []string{}},
		"no JSON":       "hello",
	} {
		t.Run(name, func(t *testing.T) {
			d.document("fw", "v1", "application/x", doc)
			_, err := sourceOf(t, d).Resolve(t.Context(), device, spec(d.image("fw:v1")))
			if !errors.Is(err, firmware.ErrInvalid) {
				t.Fatalf("error %v, want %v", err, firmware.ErrInvalid)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("%d bytes of error", len(err.Error()))
			}
		})
	}
}

// TestRequestsPerResolve is the cost of a refresh.
func TestRequestsPerResolve(t *testing.T) {
	d := newDouble(t)
	first := d.artifact("fw", "v1", "1.0", []byte("one"))
	s := sourceOf(t, d)
	steps := []struct {
		name, image string
		want        []string
	}{
		{"first", "fw:v1", []string{"HEAD /v2/fw/manifests/v1",
			"GET /v2/fw/manifests/" + first.Digest.String()}},
		{"again", "fw:v1", []string{"HEAD /v2/fw/manifests/v1"}},
		{"by digest", "fw@" + first.Digest.String(), nil},
	}
	for _, step := range steps {
		if m := mustResolve(t, s, d.image(step.image)); m.Version != "1.0" {
			t.Errorf("%s: version %q", step.name, m.Version)
		}
		if diff := cmp.Diff(step.want, d.asked()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}

	second := d.artifact("fw", "v1", "2.0", []byte("two"))
	if m := mustResolve(t, s, d.image("fw:v1")); m.Version != "2.0" {
		t.Errorf("moved tag: version %q", m.Version)
	}
	want := []string{"HEAD /v2/fw/manifests/v1", "GET /v2/fw/manifests/" + second.Digest.String()}
	if diff := cmp.Diff(want, d.asked()); diff != "" {
		t.Errorf("moved tag: %s", diff)
	}

	cold := sourceOf(t, d)
	mustResolve(t, cold, d.image("fw@"+first.Digest.String()))
	want = []string{"GET /v2/fw/manifests/" + first.Digest.String()}
	if diff := cmp.Diff(want, d.asked()); diff != "" {
		t.Errorf("digest, first time: %s", diff)
	}
}

// TestTagsShareAManifest gives each its own version, though it is read once.
func TestTagsShareAManifest(t *testing.T) {
	d := newDouble(t)
	layer := d.layer("fw", layerType, []byte("x"))
	d.manifest("fw", "v1", nil, layer)
	d.manifest("fw", "v1.0", nil, layer)
	s := sourceOf(t, d)
	for _, tag := range []string{"v1", "v1.0"} {
		if m := mustResolve(t, s, d.image("fw:"+tag)); m.Version != tag || !m.Tagged {
			t.Errorf("%s: version %q, tagged %v", tag, m.Version, m.Tagged)
		}
	}
}

func TestFetchAsksForTheLayerOnly(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	m := mustResolve(t, sourceOf(t, d), d.image("fw:v1"))
	d.asked()
	mustFetch(t, sourceOf(t, d), m)
	if diff := cmp.Diff([]string{"GET /v2/fw/blobs/" + m.Origin.Layer}, d.asked()); diff != "" {
		t.Error(diff)
	}
}

// TestHeadWithoutDigest is a registry that does not say the digest of a tag.
func TestHeadWithoutDigest(t *testing.T) {
	d := newDouble(t)
	d.artifact("fw", "v1", "1.0", []byte("one"))
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("X-Test", "1")
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
		}
		return r.Method == http.MethodHead
	}
	s := sourceOf(t, d)
	mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))
}

func TestManifestIsVerifiedAndBounded(t *testing.T) {
	d := newDouble(t)
	good := d.artifact("fw", "v1", "1.0", []byte("one"))
	var body []byte
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		forged := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/")
		if forged {
			w.Write(body)
		}
		return forged
	}
	for name, test := range map[string]struct {
		body []byte
		want error
	}{
		"other bytes": {[]byte(`{"layers":[]}`), firmware.ErrDigest},
		"empty":       {nil, firmware.ErrDigest},
		"endless":     {make([]byte, maxManifest+1), firmware.ErrTooLarge},
	} {
		body = test.body
		for _, ref := range []string{"fw:v1", "fw@" + good.Digest.String()} {
			_, err := sourceOf(t, d).Resolve(t.Context(), device, spec(d.image(ref)))
			if !errors.Is(err, test.want) {
				t.Errorf("%s, %s: error %v, want %v", name, ref, err, test.want)
			}
		}
	}
}

// TestBadDownloadIsNoVerdict: damage on the way must not be remembered as a bad
// image, or the good one would never be read.
func TestBadDownloadIsNoVerdict(t *testing.T) {
	d := newDouble(t)
	packed := d.layer("fw", gzipType, bundle(t))
	d.manifest("fw", "v1", nil, packed)
	damaged := true
	d.before = func(w http.ResponseWriter, r *http.Request) bool {
		bad := damaged && strings.Contains(r.URL.Path, packed.Digest.Hex)
		if bad {
			w.Write([]byte("\x1f\x8b is all there is"))
		}
		return bad
	}
	s := sourceOf(t, d)
	_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if !errors.Is(err, firmware.ErrDigest) || errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("error %v, want %v alone", err, firmware.ErrDigest)
	}
	damaged = false
	mustFetch(t, s, mustResolve(t, s, d.image("fw:v1")))
}

func TestKnownIsBounded(t *testing.T) {
	var b bounded[int]
	for i := range 3 * maxKnown {
		b.put(fmt.Sprint(i), i)
		if v, ok := b.get(fmt.Sprint(i)); !ok || v != i {
			t.Fatalf("%d is %d, %v", i, v, ok)
		}
	}
	if len(b.m) != maxKnown {
		t.Errorf("%d entries, want %d", len(b.m), maxKnown)
	}
	b.put(fmt.Sprint(3*maxKnown-1), 7)
	if v, _ := b.get(fmt.Sprint(3*maxKnown - 1)); v != 7 || len(b.m) != maxKnown {
		t.Errorf("replaced entry is %d of %d", v, len(b.m))
	}
}
