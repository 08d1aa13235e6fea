package disk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"havn/firmware"
)

// ErrRefused: the disk takes no more. The image is not to blame.
var ErrRefused = errors.New("the disk refuses the file")

func refused(err error) error { return fmt.Errorf("%w: %w", ErrRefused, err) }

// File is a file being written: an *os.File.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Name() string
}

// Download is an image on its way from the source to a temporary file.
type Download struct {
	tier    *Tier
	file    File
	hash    hash.Hash
	written int64

	refused error  // why the disk took no more
	tail    []byte // the end of the last write, which the disk refused
}

// Begin makes a file for a download. Its room was reserved before.
func (t *Tier) Begin() (*Download, error) {
	f, err := t.Create()
	if err != nil {
		return nil, refused(err)
	}
	return &Download{tier: t, file: f, hash: sha256.New()}, nil
}

// Discard ends a download. The file stays if it was committed.
func (d *Download) Discard() {
	_ = d.file.Close()
	_ = os.Remove(d.file.Name())
}

// Write implements io.Writer.
func (d *Download) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.written += int64(n)
	if err != nil {
		d.refused, d.tail = refused(err), bytes.Clone(p[n:])
	}
	return n, err
}

// Receive copies body, and verifies the bytes against m while they come in. It
// reads at most one byte more than m promises, and never writes more. After
// ErrRefused, All has the bytes.
func (d *Download) Receive(m firmware.Metadata, body io.Reader) error {
	n, err := io.Copy(d, io.LimitReader(body, int64(m.Size)))
	switch {
	case d.refused != nil:
		return d.refused
	case errors.Is(err, firmware.ErrDigest):
		return fmt.Errorf("image %s: %w", m.Digest, err)
	case err != nil:
		return fmt.Errorf("image %s: download broke off after %d of %d bytes: %w",
			m.Digest, n, m.Size, err)
	case n != int64(m.Size):
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

// All reads the image from its start, however much of it the disk took. body is
// what Receive left of the body.
func (d *Download) All(body io.Reader) io.Reader {
	return io.MultiReader(io.NewSectionReader(d.file, 0, d.written), bytes.NewReader(d.tail), body)
}

// Commit gives a verified file its name. After a power cut, the file has its name
// with all of its bytes, or there is no file of that name.
func (d *Download) Commit(digest firmware.Digest) error {
	if err := d.file.Sync(); err != nil {
		return refused(err)
	}
	path := d.tier.Path(digest)
	if err := os.Rename(d.file.Name(), path); err != nil {
		return refused(err)
	}
	if err := syncDir(d.tier.dir); err != nil {
		return refused(errors.Join(err, os.Remove(path)))
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
