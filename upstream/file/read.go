package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"havn/firmware"
)

const (
	binaryExt  = ".bin"
	sidecarExt = ".json"
)

// open opens a regular file. It looks at the file before, since opening a pipe
// waits.
func open(stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error),
	path string) (*os.File, fs.FileInfo, error) {
	info, err := stat(path)
	if err != nil {
		return nil, nil, missing(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%w: %s is no regular file", firmware.ErrInvalid, path)
	}
	f, err := open(path)
	if err != nil {
		return nil, nil, missing(err)
	}
	if info, err = f.Stat(); err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", firmware.ErrNotFound, err)
	}
	return err
}

// resolveSingle reads a file that was added. A file that does not change while it
// is read is taken for whole.
func (s *Source) resolveSingle(ctx context.Context, name string, added single) (
	firmware.Metadata, error) {
	if added.version == "" {
		return firmware.Metadata{}, fmt.Errorf("%w: no version", firmware.ErrInvalid)
	}
	if err := firmware.CheckVersion(added.version); err != nil {
		return firmware.Metadata{}, err
	}
	f, info, err := open(os.Stat, os.Open, added.path)
	if err != nil {
		return firmware.Metadata{}, err
	}
	defer f.Close()
	if m, ok := s.unchanged(name, info, nil); ok {
		return m, nil
	}
	m, err := hash(ctx, f, info)
	if err != nil {
		return firmware.Metadata{}, err
	}
	if now, err := f.Stat(); err != nil || !same(info, now) {
		return firmware.Metadata{}, fmt.Errorf("%s changed while it was read", added.path)
	}
	m.Version = added.version
	s.remember(name, known{binary: info, m: m})
	return m, nil
}

// resolvePair reads NAME.bin and NAME.json of the directory.
func (s *Source) resolvePair(ctx context.Context, name string, root *os.Root) (
	firmware.Metadata, error) {
	described, sidecarInfo, err := open(root.Stat, root.Open, name+sidecarExt)
	if err != nil {
		return firmware.Metadata{}, err
	}
	defer described.Close()
	binary, binaryInfo, err := open(root.Stat, root.Open, name+binaryExt)
	if err != nil {
		return firmware.Metadata{}, err
	}
	defer binary.Close()
	if m, ok := s.unchanged(name, binaryInfo, sidecarInfo); ok {
		return m, nil
	}
	sidecar, err := readSidecar(described)
	if err != nil {
		return firmware.Metadata{}, fmt.Errorf("%s: %w", name+sidecarExt, err)
	}
	m, err := readPair(ctx, binary, binaryInfo, sidecar)
	if err == nil {
		s.remember(name, known{binary: binaryInfo, sidecar: sidecarInfo, m: m})
	}
	return m, err
}

func readSidecar(r io.Reader) (firmware.Sidecar, error) {
	b, err := io.ReadAll(io.LimitReader(r, firmware.MaxSidecar+1))
	if err != nil {
		return firmware.Sidecar{}, err
	}
	s, err := firmware.ParseSidecar(b)
	if err == nil && s.Version == "" {
		err = fmt.Errorf("%w: no version", firmware.ErrInvalid)
	}
	return s, err
}

// readPair checks a binary against its sidecar.
func readPair(ctx context.Context, f io.Reader, info fs.FileInfo, sidecar firmware.Sidecar) (
	firmware.Metadata, error) {
	if info.Size() != int64(sidecar.Size) {
		return firmware.Metadata{}, fmt.Errorf("%s has %d bytes, %s says %d: still being copied?",
			info.Name(), info.Size(), sidecarExt, sidecar.Size)
	}
	m, err := hash(ctx, f, info)
	if err != nil {
		return firmware.Metadata{}, err
	}
	if m.Digest != sidecar.Checksum {
		return firmware.Metadata{}, fmt.Errorf("%s has checksum %s, %s says %s: still being copied?",
			info.Name(), m.Digest, sidecarExt, sidecar.Checksum)
	}
	m.Version = sidecar.Version
	return m, nil
}

// hash reads a binary to its end and returns what it is.
func hash(ctx context.Context, f io.Reader, info fs.FileInfo) (firmware.Metadata, error) {
	if err := firmware.CheckSize(info.Size()); err != nil {
		return firmware.Metadata{}, fmt.Errorf("%s: %w", info.Name(), err)
	}
	h := sha256.New()
	n, err := io.Copy(h, &readerUntil{ctx, f})
	if err != nil {
		return firmware.Metadata{}, err
	}
	if n != info.Size() {
		return firmware.Metadata{}, fmt.Errorf("%s changed while it was read", info.Name())
	}
	return firmware.Metadata{Digest: firmware.Digest(h.Sum(nil)), Size: uint32(n)}, nil
}

// readerUntil reads until its context ends: a slow disk takes long for an image.
type readerUntil struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r *readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
