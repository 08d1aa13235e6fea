package disk

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"havn/firmware"
)

// Read returns the bytes of an image file, not verified. The error is ErrInvalid
// where the file is sound but m gives it another size, ErrDigest where the file
// is damaged.
func (t *Tier) Read(m firmware.Metadata) ([]byte, error) {
	f, err := os.Open(t.Path(m.Digest))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != int64(m.Size) {
		return nil, wrongSize(m, f)
	}
	return ReadImage(m, f)
}

// wrongSize tells whether the file or the metadata is wrong. One broken
// description must not cost others a good file.
func wrongSize(m firmware.Metadata, f io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if firmware.Digest(h.Sum(nil)) == m.Digest {
		return SizeMismatch(m, n)
	}
	return fmt.Errorf("image %s: %w: file has %d bytes, want %d",
		m.Digest, firmware.ErrDigest, n, m.Size)
}

// SizeMismatch is the error where the image of m.Digest has size bytes, and m says
// otherwise.
func SizeMismatch(m firmware.Metadata, size int64) error {
	return fmt.Errorf("image %s: %w: its metadata says %d bytes, it has %d; correct the metadata",
		m.Digest, firmware.ErrInvalid, m.Size, size)
}

// ReadImage reads an image of known size into memory, not verified.
func ReadImage(m firmware.Metadata, body io.Reader) ([]byte, error) {
	data := make([]byte, m.Size)
	n, err := io.ReadFull(body, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, tooShort(m, int64(n))
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: read: %w", m.Digest, err)
	}
	return data, wantEnd(m, body)
}

// wantEnd reports a body that is longer than m promises, or that breaks where
// its end should be.
func wantEnd(m firmware.Metadata, body io.Reader) error {
	_, err := io.ReadFull(body, make([]byte, 1))
	switch {
	case err == nil:
		return fmt.Errorf("image %s: %w: more than %d bytes", m.Digest, firmware.ErrDigest, m.Size)
	case errors.Is(err, io.EOF):
		return nil
	}
	return fmt.Errorf("image %s: end of download: %w", m.Digest, err)
}

func tooShort(m firmware.Metadata, n int64) error {
	return fmt.Errorf("image %s: %w: got %d bytes, want %d",
		m.Digest, firmware.ErrDigest, n, m.Size)
}
