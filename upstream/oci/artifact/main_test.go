package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"havn/firmware"
)

// layers are layers by digest.
type layers map[v1.Hash][]byte

// add adds a layer and returns its descriptor.
func (l layers) add(mediaType string, b []byte) v1.Descriptor {
	h, size, _ := v1.SHA256(bytes.NewReader(b))
	l[h] = b
	return v1.Descriptor{MediaType: types.MediaType(mediaType), Digest: h, Size: size}
}

// open is an Opener.
func (l layers) open(layer v1.Hash) (io.ReadCloser, error) {
	b, ok := l[layer]
	if !ok {
		return nil, fmt.Errorf("%w: layer %s", firmware.ErrNotFound, layer)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// file is one entry of a test archive.
type file struct {
	name string
	data string
	kind byte // 0 = regular
}

func archive(files ...file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		kind := f.kind
		if kind == 0 {
			kind = tar.TypeReg
		}
		header := &tar.Header{Name: f.name, Typeflag: kind, Mode: 0o644, Size: int64(len(f.data))}
		if err := w.WriteHeader(header); err != nil {
			panic(err)
		}
		io.WriteString(w, f.data)
	}
	w.Close()
	return b.Bytes()
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func sidecar(version, data string) string {
	return fmt.Sprintf(`{"version":%q,"checksum":%q,"size":%d}`, version,
		digestOf([]byte(data)).Hex(), len(data))
}

func digestOf(b []byte) firmware.Digest {
	h, _, _ := v1.SHA256(bytes.NewReader(b))
	d, _ := firmware.ParseDigest(h.Hex)
	return d
}
