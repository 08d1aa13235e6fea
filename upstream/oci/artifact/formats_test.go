package artifact

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
	d := layers{}
	raw := d.add(layerType, []byte(data))
	other := d.add("application/json", []byte(`{"board":"x"}`))
	tarred := func(mediaType string, pack func([]byte) []byte, files ...file) v1.Descriptor {
		return d.add(mediaType, pack(archive(files...)))
	}
	plain := func(b []byte) []byte { return b }
	binary, about := file{name: "firmware.bin", data: data}, file{name: "firmware.json",
		data: sidecar("json-1", data)}
	bundle := []file{{name: "/firmware", data: data}, {name: "./metadata.json",
		data: sidecar("json-1", data)}}
	annotated := map[string]string{versionAnnotation: "noted-1"}
	for _, test := range []struct {
		name        string
		annotations map[string]string
		layers      []v1.Descriptor
		version     string
		path        string
	}{
		{"a", annotated, []v1.Descriptor{raw}, "noted-1", ""},
		{"a, first of its type", annotated,
			[]v1.Descriptor{other, raw, d.add(layerType, []byte("second"))}, "noted-1", ""},
		{"a, no version", nil, []v1.Descriptor{raw}, "", ""},
		{"b", annotated, []v1.Descriptor{d.add("application/vnd.acme.starter",
			[]byte(data))}, "noted-1", ""},
		{"c", nil, []v1.Descriptor{tarred(tarType, plain, binary, about)},
			"json-1", "firmware.bin"},
		{"c, gzip", nil, []v1.Descriptor{tarred(gzipType, zipped, about, binary)},
			"json-1", "firmware.bin"},
		{"c, Docker", nil, []v1.Descriptor{tarred(string(types.DockerLayer), zipped, binary, about)},
			"json-1", "firmware.bin"},
		{"c, plain though it says gzip", nil,
			[]v1.Descriptor{tarred(gzipType, plain, binary, about)}, "json-1", "firmware.bin"},
		{"c, bundler", nil, []v1.Descriptor{tarred(gzipType, zipped, bundle...)},
			"json-1", "firmware"},
		{"c, annotation first", annotated, []v1.Descriptor{tarred(gzipType, zipped, bundle...)},
			"noted-1", "firmware"},
		{"c, no version", nil, []v1.Descriptor{tarred(gzipType, zipped, binary,
			file{name: "firmware.json", data: sidecar("", data)})}, "", "firmware.bin"},
		{"c, one file per layer", nil, []v1.Descriptor{tarred(gzipType, zipped, binary),
			tarred(gzipType, zipped, about)}, "json-1", "firmware.bin"},
		{"c, the upper layer counts", nil, []v1.Descriptor{
			tarred(gzipType, zipped, file{name: "firmware.bin", data: "old"}, about),
			tarred(gzipType, zipped, binary)}, "json-1", "firmware.bin"},
		{"c, among other files", nil, []v1.Descriptor{tarred(gzipType, zipped,
			file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/firmware.bin", data: "no"},
			binary, about)}, "json-1", "firmware.bin"},
		{"c, removed and put back", nil, []v1.Descriptor{
			tarred(gzipType, zipped, file{name: "firmware.bin", data: "old"}, about),
			tarred(gzipType, zipped, file{name: ".wh.firmware.bin"}, binary)},
			"json-1", "firmware.bin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := Document{Layers: test.layers, Annotations: test.annotations}.Firmware(d.open)
			want := firmware.Metadata{Version: test.version, Digest: digestOf([]byte(data)),
				Size: uint32(len(data)), Origin: firmware.Origin{Path: test.path, Layer: m.Origin.Layer}}
			if diff := cmp.Diff(want, m); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
			checkFetched(t, d, m)
		})
	}
}

// checkFetched fetches m as a source does.
func checkFetched(t *testing.T, d layers, m firmware.Metadata) {
	t.Helper()
	layer, err := v1.NewHash(m.Origin.Layer)
	if err != nil {
		t.Fatal(err)
	}
	rc, err := d.open(layer)
	if err == nil && m.Origin.Path != "" {
		rc, err = OpenFile(rc, m.Origin.Path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	if err == nil {
		_, err = firmware.NewImage(m, b)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestFormatsRefused(t *testing.T) {
	const data = "the firmware"
	d := layers{}
	packed := func(files ...file) []v1.Descriptor {
		return []v1.Descriptor{d.add(gzipType, zipped(archive(files...)))}
	}
	binary, about := file{name: "firmware.bin", data: data}, file{name: "firmware.json",
		data: sidecar("1", data)}
	raw := d.add(layerType, []byte(data))
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
		{"no layer of firmware", nil, nil, firmware.ErrInvalid},
		{"empty firmware", nil, []v1.Descriptor{d.add(layerType, nil)}, firmware.ErrInvalid},
		{"negative size", nil, []v1.Descriptor{negative}, firmware.ErrInvalid},
		{"more than 2^32-1 bytes", nil, []v1.Descriptor{huge}, firmware.ErrTooLarge},
		{"sha512", nil, []v1.Descriptor{sha512}, firmware.ErrInvalid},
		{"long version", long, []v1.Descriptor{raw}, firmware.ErrInvalid},
		{"empty descriptor", nil, []v1.Descriptor{d.add(string(types.OCIEmptyJSON),
			[]byte("{}"))}, firmware.ErrInvalid},
		{"two layers, no tar", nil, []v1.Descriptor{d.add("application/x-a", []byte("a")),
			d.add("application/x-b", []byte("b"))}, firmware.ErrInvalid},
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
		{"c, no archive", nil, []v1.Descriptor{d.add(gzipType, []byte("hello"))},
			firmware.ErrInvalid},
		{"c, zstd", nil, []v1.Descriptor{d.add(string(types.OCILayerZStd),
			[]byte("\x28\xb5\x2f\xfd"))}, firmware.ErrInvalid},
		{"c, empty layer", nil, []v1.Descriptor{d.add(gzipType, nil)}, firmware.ErrInvalid},
		{"c, too much to unpack", nil, []v1.Descriptor{bigLayer}, firmware.ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := Document{Layers: test.layers, Annotations: test.annotations}
			if m, err := doc.Firmware(d.open); !errors.Is(err, test.want) {
				t.Fatalf("%+v, error %v, want %v", m, err, test.want)
			}
		})
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
