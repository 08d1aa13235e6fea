package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"havn/firmware"
)

// Names of files under way: never those of images.
const (
	temporaryPrefix = "fetch-"
	temporarySuffix = ".tmp"
)

func isTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// temporary is a file being written: an *os.File.
type temporary interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Name() string
}

func (d *disk) createTemporary() (temporary, error) {
	return os.CreateTemp(d.dir, temporaryPrefix+"*"+temporarySuffix)
}

// discard ends a file that was not committed; of a committed one it only
// closes the handle.
func discard(f temporary) {
	f.Close()
	os.Remove(f.Name())
}

// download is an image on its way from the source to a temporary file.
type download struct {
	file    temporary
	hash    hash.Hash
	written int64

	refused error  // why the disk took no more
	tail    []byte // what it did not take of the last write
}

func newDownload(f temporary) *download { return &download{file: f, hash: sha256.New()} }

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.written += int64(n)
	if err != nil {
		d.refused, d.tail = err, bytes.Clone(p[n:])
	}
	return n, err
}

// receive copies body and verifies it against m while it comes in. It reads at
// most one byte more than m promises and never writes more.
func (d *download) receive(m firmware.Metadata, body io.Reader) error {
	n, err := io.Copy(d, io.LimitReader(body, int64(m.Size)))
	if errors.Is(err, firmware.ErrDigest) {
		return fmt.Errorf("image %s: %w", m.Digest, err)
	}
	if err != nil {
		return fmt.Errorf("image %s: download broke off after %d of %d bytes: %w",
			m.Digest, n, m.Size, err)
	}
	if n != int64(m.Size) {
		return tooShort(m, n)
	}
	if err := wantEnd(m, body); err != nil {
		return err
	}
	if got := firmware.Digest(d.hash.Sum(nil)); got != m.Digest {
		return fmt.Errorf("image %s: %w: got %s", m.Digest, firmware.ErrDigest, got)
	}
	return nil
}

// all reads the image from its start, however far the disk took it.
func (d *download) all(body io.Reader) io.Reader {
	return io.MultiReader(io.NewSectionReader(d.file, 0, d.written), bytes.NewReader(d.tail), body)
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

// readImage reads an image of known size into memory.
func readImage(m firmware.Metadata, body io.Reader) ([]byte, error) {
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

// commit gives a verified file its name, such that it has it with all of its
// bytes after a power cut, or not at all.
func (d *disk) commit(f temporary, digest firmware.Digest) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.path(digest)); err != nil {
		return err
	}
	if err := syncDir(d.dir); err != nil {
		return errors.Join(err, os.Remove(d.path(digest)))
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// read returns the bytes of an image file. The error is ErrInvalid where the
// file is sound but m gives it another size, ErrDigest where it is damaged.
func (d *disk) read(m firmware.Metadata) ([]byte, error) {
	f, err := os.Open(d.path(m.Digest))
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
	return readImage(m, f)
}

// wrongSize tells whether the file or the metadata is wrong: what one broken
// description says must not cost others a good file.
func wrongSize(m firmware.Metadata, f io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if firmware.Digest(h.Sum(nil)) == m.Digest {
		return sizeMismatch(m, n)
	}
	return fmt.Errorf("image %s: %w: file has %d bytes, want %d",
		m.Digest, firmware.ErrDigest, n, m.Size)
}

func sizeMismatch(m firmware.Metadata, size int64) error {
	return fmt.Errorf("image %s: %w: its metadata says %d bytes, it has %d; correct the metadata",
		m.Digest, firmware.ErrInvalid, m.Size, size)
}
