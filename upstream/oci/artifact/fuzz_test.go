package artifact

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
)

func manifestSeeds(tb testing.TB) [][]byte {
	p := Packed{Digest: digestOf([]byte("x")), Size: 1, file: "blinky.bin", version: "2.0"}
	packed, err := p.RawManifest()
	if err != nil {
		tb.Fatal(err)
	}
	listed, err := json.Marshal(Document{Manifests: []v1.Descriptor{{Digest: p.hash(),
		Platform: &v1.Platform{OS: "none", Architecture: "arm"}}}})
	if err != nil {
		tb.Fatal(err)
	}
	return [][]byte{packed, listed}
}

func TestManifestPrefixesFail(t *testing.T) {
	for _, seed := range manifestSeeds(t) {
		if _, err := Parse(seed); err != nil {
			t.Fatal(err)
		}
		for n := range len(seed) {
			if _, err := Parse(seed[:n]); !errors.Is(err, firmware.ErrInvalid) {
				t.Fatalf("prefix of %d bytes: error %v, want %v", n, err, firmware.ErrInvalid)
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	for _, seed := range manifestSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := Parse(b)
		if err != nil {
			return
		}
		if (doc.Manifests == nil) == (doc.Layers == nil) {
			t.Fatalf("neither index nor manifest: %s", b)
		}
		_, _ = doc.Only()
		if layer, ok := single(doc.Layers); ok {
			if m, err := raw(layer); err == nil && (m.Size == 0 || m.Digest.IsZero()) {
				t.Errorf("%+v from %s", m, b)
			}
		}
		_ = checkLayers(doc.Layers)
	})
}

// imageOf packs one firmware as format (c).
func imageOf(data string) []byte {
	return archive(file{name: "firmware.bin", data: data},
		file{name: "firmware.json", data: sidecar("1.0", data)})
}

// TestLayerPrefixesFail cuts a layer everywhere, even in the padding.
func TestLayerPrefixesFail(t *testing.T) {
	for name, b := range map[string][]byte{
		"plain": imageOf("the firmware"), "gzip": zipped(imageOf("the firmware")),
	} {
		h, size, _ := v1.SHA256(bytes.NewReader(b))
		layer := v1.Descriptor{Digest: h, Size: size}
		read := func(n int) (map[string]entry, error) {
			return readLayer(io.NopCloser(bytes.NewReader(b[:n])), layer)
		}
		files, err := read(len(b))
		if _, ok, _ := pair(files); err != nil || !ok {
			t.Fatalf("%s: complete %v, error %v", name, ok, err)
		}
		for n := range len(b) {
			if files, err := read(n); files != nil || !errors.Is(err, firmware.ErrDigest) {
				t.Fatalf("%s: prefix of %d bytes: error %v, want %v", name, n, err, firmware.ErrDigest)
			}
		}
	}
}

// FuzzLayer requires that what scan finds, openPath finds too.
func FuzzLayer(f *testing.F) {
	f.Add(imageOf("the firmware"))
	f.Add(zipped(imageOf("the firmware")))
	f.Add(archive(file{name: ".wh.firmware"}, file{name: "firmware", data: "x"},
		file{name: "link", kind: tar.TypeSymlink}, file{name: opaque}))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := scan(iotest.HalfReader(bytes.NewReader(b)), v1.Hash{Algorithm: "sha256"})
		if err != nil {
			if !errors.Is(err, firmware.ErrInvalid) && !errors.Is(err, firmware.ErrTooLarge) {
				t.Errorf("error %v has no verdict", err)
			}
			return
		}
		m, ok, err := pair(files)
		if !ok || err != nil {
			return
		}
		rc, err := OpenFile(io.NopCloser(bytes.NewReader(b)), m.Origin.Path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(verify(rc, m.Digest, int64(m.Size)))
		if err != nil || len(got) != int(m.Size) {
			t.Errorf("%d bytes, %v, want the %d of %s", len(got), err, m.Size, m.Digest)
		}
	})
}
