package oci

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
	"havn/firmware/firmwaretest"
)

const gzipType = string(types.OCILayer)

// TestVersions: a version comes from the image, else from the tag, else from the
// digest.
func TestVersions(t *testing.T) {
	const data = "the firmware"
	d := newDouble(t)
	raw, packed := d.layer("fw", layerType, []byte(data)), d.layer("fw", gzipType, bundle(t))
	annotated := map[string]string{versionAnnotation: "noted-1"}
	for _, test := range []struct {
		name        string
		tag         string
		annotations map[string]string
		layer       v1.Descriptor
		version     string
		tagged      bool
		path        string
	}{
		{"annotation", "v2", annotated, raw, "noted-1", false, ""},
		{"JSON", "v2", nil, packed, "1.0", false, "firmware.bin"},
		{"tag", "v2", nil, raw, "v2", true, ""},
		{"tag without digit", "latest", nil, raw, digestOf([]byte(data)).Short(), false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifest := d.manifest("fw", test.tag, test.annotations, test.layer)
			s := sourceOf(t, d)
			m := mustResolve(t, s, d.image("fw:"+test.tag))
			want := firmware.Metadata{Version: test.version, Tagged: test.tagged,
				Digest: digestOf([]byte(data)), Size: uint32(len(data)),
				Origin: firmware.Origin{Kind: Kind.Name, Repository: d.image("fw"),
					Manifest: manifest.Digest.String(), Path: test.path, Layer: test.layer.Digest.String()}}
			if diff := cmp.Diff(want, m); diff != "" {
				t.Error(diff)
			}
			mustFetch(t, s, m)
		})
	}
}

// TestRefusedOnce: an image that cannot be used is not downloaded again.
func TestRefusedOnce(t *testing.T) {
	d := newDouble(t)
	d.manifest("fw", "v1", nil, d.layer("fw", gzipType, []byte("no archive")))
	s := sourceOf(t, d)
	_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Fatalf("error %v, want %v", err, firmware.ErrInvalid)
	}
	mentions(t, err.Error(), d.image("fw:v1"))
	d.asked()
	_, again := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
	if again == nil || again.Error() != err.Error() {
		t.Errorf("again: %v, want %v", again, err)
	}
	if diff := cmp.Diff([]string{"HEAD /v2/fw/manifests/v1"}, d.asked()); diff != "" {
		t.Error("a refused image was downloaded again: " + diff)
	}
}

func TestLongTagIsNoVersion(t *testing.T) {
	d := newDouble(t)
	tag := strings.Repeat("v", 64) + "1"
	d.manifest("fw", tag, nil, d.layer("fw", layerType, []byte("x")))
	_, err := sourceOf(t, d).Resolve(t.Context(), device, spec(d.image("fw:"+tag)))
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("error %v, want %v", err, firmware.ErrInvalid)
	}
}

func TestNoContainer(t *testing.T) {
	_, err := newSource(t, Config{}).Resolve(t.Context(), device, firmwaretest.Spec("x"))
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("error %v, want %v", err, firmware.ErrInvalid)
	}
}
