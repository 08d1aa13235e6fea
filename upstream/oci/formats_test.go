package oci

import (
	"archive/tar"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

const (
	tarType  = string(types.OCIUncompressedLayer)
	gzipType = string(types.OCILayer)
)

// TestFormats resolves and fetches one firmware packed in every accepted way.
func TestFormats(t *testing.T) {
	const data = "the firmware"
	d := newDouble(t)
	raw := d.layer("fw", layerType, []byte(data))
	other := d.layer("fw", "application/json", []byte(`{"board":"x"}`))
	tarred := func(mediaType string, pack func([]byte) []byte, files ...file) v1.Descriptor {
		return d.layer("fw", mediaType, pack(archive(files...)))
	}
	plain := func(b []byte) []byte { return b }
	binary, about := file{name: "firmware.bin", data: data}, file{name: "firmware.json",
		data: sidecar("json-1", data)}
	bundle := []file{{name: "/firmware", data: data}, {name: "./metadata.json",
		data: sidecar("json-1", data)}}
	annotated := map[string]string{versionAnnotation: "noted-1"}
	for _, test := range []struct {
		name        string
		tag         string
		annotations map[string]string
		layers      []v1.Descriptor
		version     string
		tagged      bool
		path        string
	}{
		{"a", "t", annotated, []v1.Descriptor{raw}, "noted-1", false, ""},
		{"a, first of its type", "t", annotated,
			[]v1.Descriptor{other, raw, d.layer("fw", layerType, []byte("second"))}, "noted-1", false, ""},
		{"a, version from tag", "v2", nil, []v1.Descriptor{raw}, "v2", true, ""},
		{"a, tag without digit", "latest", nil, []v1.Descriptor{raw},
			digestOf([]byte(data)).Short(), false, ""},
		{"b", "t", annotated, []v1.Descriptor{d.layer("fw", "application/vnd.acme.starter",
			[]byte(data))}, "noted-1", false, ""},
		{"c", "v2", nil, []v1.Descriptor{tarred(tarType, plain, binary, about)},
			"json-1", false, "firmware.bin"},
		{"c, gzip", "t", nil, []v1.Descriptor{tarred(gzipType, zipped, about, binary)},
			"json-1", false, "firmware.bin"},
		{"c, Docker", "t", nil, []v1.Descriptor{tarred(string(types.DockerLayer), zipped, binary, about)},
			"json-1", false, "firmware.bin"},
		{"c, plain though it says gzip", "t", nil,
			[]v1.Descriptor{tarred(gzipType, plain, binary, about)}, "json-1", false, "firmware.bin"},
		{"c, bundler", "t", nil, []v1.Descriptor{tarred(gzipType, zipped, bundle...)},
			"json-1", false, "firmware"},
		{"c, annotation first", "t", annotated, []v1.Descriptor{tarred(gzipType, zipped, bundle...)},
			"noted-1", false, "firmware"},
		{"c, no version", "v3", nil, []v1.Descriptor{tarred(gzipType, zipped, binary,
			file{name: "firmware.json", data: sidecar("", data)})}, "v3", true, "firmware.bin"},
		{"c, one file per layer", "t", nil, []v1.Descriptor{tarred(gzipType, zipped, binary),
			tarred(gzipType, zipped, about)}, "json-1", false, "firmware.bin"},
		{"c, the upper layer counts", "t", nil, []v1.Descriptor{
			tarred(gzipType, zipped, file{name: "firmware.bin", data: "old"}, about),
			tarred(gzipType, zipped, binary)}, "json-1", false, "firmware.bin"},
		{"c, among other files", "t", nil, []v1.Descriptor{tarred(gzipType, zipped,
			file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/firmware.bin", data: "no"},
			binary, about)}, "json-1", false, "firmware.bin"},
		{"c, removed and put back", "t", nil, []v1.Descriptor{
			tarred(gzipType, zipped, file{name: "firmware.bin", data: "old"}, about),
			tarred(gzipType, zipped, file{name: ".wh.firmware.bin"}, binary)},
			"json-1", false, "firmware.bin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifest := d.manifest("fw", test.tag, test.annotations, test.layers...)
			s := sourceOf(t, d)
			m := mustResolve(t, s, d.image("fw:"+test.tag))
			want := firmware.Metadata{Version: test.version, Tagged: test.tagged,
				Digest: digestOf([]byte(data)), Size: uint32(len(data)),
				Origin: firmware.Origin{Kind: firmware.KindContainer, Repository: d.image("fw"),
					Manifest: manifest.Digest.String(), Path: test.path, Layer: m.Origin.Layer}}
			if diff := cmp.Diff(want, m); diff != "" {
				t.Error(diff)
			}
			mustFetch(t, s, m)
		})
	}
}

func TestFormatsRefused(t *testing.T) {
	const data = "the firmware"
	d := newDouble(t)
	packed := func(files ...file) []v1.Descriptor {
		return []v1.Descriptor{d.layer("fw", gzipType, zipped(archive(files...)))}
	}
	binary, about := file{name: "firmware.bin", data: data}, file{name: "firmware.json",
		data: sidecar("1", data)}
	raw := d.layer("fw", layerType, []byte(data))
	huge, negative, sha512 := raw, raw, raw
	huge.Size, negative.Size = 1<<32, -1
	sha512.Digest = v1.Hash{Algorithm: "sha512", Hex: strings.Repeat("0", 128)}
	bigLayer := packed(binary, about)[0]
	bigLayer.Size = maxUnpacked + 1
	long := map[string]string{versionAnnotation: strings.Repeat("v", 65)}
	for _, test := range []struct {
		name        string
		annotations map[string]string
		layers      []v1.Descriptor
		want        error
	}{
		{"no layer", nil, nil, firmware.ErrInvalid},
		{"empty firmware", nil, []v1.Descriptor{d.layer("fw", layerType, nil)}, firmware.ErrInvalid},
		{"negative size", nil, []v1.Descriptor{negative}, firmware.ErrInvalid},
		{"more than 2^32-1 bytes", nil, []v1.Descriptor{huge}, firmware.ErrTooLarge},
		{"sha512", nil, []v1.Descriptor{sha512}, firmware.ErrInvalid},
		{"long version", long, []v1.Descriptor{raw}, firmware.ErrInvalid},
		{"empty descriptor", nil, []v1.Descriptor{d.layer("fw", string(types.OCIEmptyJSON),
			[]byte("{}"))}, firmware.ErrInvalid},
		{"two layers, no tar", nil, []v1.Descriptor{d.layer("fw", "application/x-a", []byte("a")),
			d.layer("fw", "application/x-b", []byte("b"))}, firmware.ErrInvalid},
		{"c, only the binary", nil, packed(binary), firmware.ErrInvalid},
		{"c, not at the root", nil, packed(file{name: "app/firmware.bin", data: data},
			file{name: "app/firmware.json", data: about.data}), firmware.ErrInvalid},
		{"c, mixed pairs", nil, packed(binary, file{name: "metadata.json", data: about.data}),
			firmware.ErrInvalid},
		{"c, other bytes", nil, packed(file{name: "firmware.bin", data: "The firmware"}, about),
			firmware.ErrInvalid},
		{"c, other size", nil, packed(binary, file{name: "firmware.json",
			data: strings.Replace(about.data, "12", "13", 1)}), firmware.ErrInvalid},
		{"c, no JSON", nil, packed(binary, file{name: "firmware.json", data: "{"}), firmware.ErrInvalid},
		{"c, much JSON", nil, packed(binary, file{name: "firmware.json",
			data: strings.Repeat(" ", firmware.MaxSidecar) + about.data}), firmware.ErrInvalid},
		{"c, empty binary", nil, packed(file{name: "firmware.bin"}, about), firmware.ErrInvalid},
		{"c, twice", nil, packed(binary, file{name: "./firmware.bin", data: "other"}, about),
			firmware.ErrInvalid},
		{"c, link", nil, packed(file{name: "firmware.bin", kind: tar.TypeSymlink}, about),
			firmware.ErrInvalid},
		{"c, removed above", nil, append(packed(binary, about),
			packed(file{name: ".wh.firmware.bin"})...), firmware.ErrInvalid},
		{"c, all removed above", nil, append(packed(binary, about), packed(file{name: opaque})...),
			firmware.ErrInvalid},
		{"c, no archive", nil, []v1.Descriptor{d.layer("fw", gzipType, []byte("hello"))},
			firmware.ErrInvalid},
		{"c, zstd", nil, []v1.Descriptor{d.layer("fw", string(types.OCILayerZStd),
			[]byte("\x28\xb5\x2f\xfd"))}, firmware.ErrInvalid},
		{"c, empty layer", nil, []v1.Descriptor{d.layer("fw", gzipType, nil)}, firmware.ErrInvalid},
		{"c, too much to unpack", nil, []v1.Descriptor{bigLayer}, firmware.ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			d.manifest("fw", "v1", test.annotations, test.layers...)
			s := sourceOf(t, d)
			_, err := s.Resolve(t.Context(), device, spec(d.image("fw:v1")))
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
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
		})
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
	_, err := newSource(t, Config{}).Resolve(t.Context(), device,
		firmware.Spec{File: &firmware.FileSpec{Name: "x"}})
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("error %v, want %v", err, firmware.ErrInvalid)
	}
}

// zeros is an endless stream of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestUnpackIsBounded feeds more than the limit, from a reader that holds none of it.
func TestUnpackIsBounded(t *testing.T) {
	head, tail := io.Pipe()
	go func() {
		w := tar.NewWriter(tail)
		w.WriteHeader(&tar.Header{Name: "filler", Typeflag: tar.TypeReg, Size: 2 * maxUnpacked})
		io.Copy(w, zeros{})
		tail.Close()
	}()
	defer head.Close()
	if _, err := scan(head, v1.Hash{}); !errors.Is(err, firmware.ErrTooLarge) {
		t.Errorf("error %v, want %v", err, firmware.ErrTooLarge)
	}
}
