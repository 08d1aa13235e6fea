package artifact

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"

	"havn/firmware"
)

// OpenFile returns the file at the root of a layer that was read before. The layer
// was sound then, so any error says that the download failed. Closing the file
// closes the layer.
func OpenFile(layer io.ReadCloser, file string) (io.ReadCloser, error) {
	archive, err := openTar(layer)
	for err == nil {
		var header *tar.Header
		header, err = archive.Next()
		if err == nil && header.Typeflag == tar.TypeReg && rootName(header.Name) == file {
			return fileInLayer{archive, layer}, nil
		}
	}
	layer.Close()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: no %s in the layer", firmware.ErrDigest, file)
	}
	return nil, err
}

type fileInLayer struct {
	io.Reader
	io.Closer
}

// openTar opens a layer, plain or gzip whatever its media type says. The size of
// the unpacked layer is bounded.
func openTar(r io.Reader) (*tar.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(2)
	unpacked := io.NopCloser(buffered)
	if string(magic) == "\x1f\x8b" {
		unpacked, err = gzip.NewReader(buffered)
	}
	if err != nil {
		return nil, err
	}
	return tar.NewReader(http.MaxBytesReader(nil, unpacked, maxUnpacked)), nil
}

// broken wraps the error of an archive in ErrInvalid or ErrTooLarge.
func broken(err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return fmt.Errorf("%w: %w", firmware.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: no tar or tar.gz archive: %w", firmware.ErrInvalid, err)
}

// rootName returns the base name of a file at the root of an image, "" for
// other files.
func rootName(file string) string {
	if dir, base := path.Split(path.Clean("/" + file)); dir == "/" {
		return base
	}
	return ""
}
