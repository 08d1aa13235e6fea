package file

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"havn/dfu"
	"havn/firmware"
)

// Config says where the firmware lies.
type Config struct {
	Directory string `yaml:"directory"` // empty: only files that were added
}

// Source resolves and fetches files. It is safe for concurrent use once the
// single files are added.
type Source struct {
	directory string
	single    map[string]single // by name

	mu    sync.Mutex
	known map[string]known // by name
}

// single is a file that was added, with the version it was given.
type single struct{ path, version string }

// known is the image of a name when the files of the name were last read.
type known struct {
	binary, sidecar fs.FileInfo // sidecar is nil for a single file
	m               firmware.Metadata
}

// New returns the source over cfg's directory, which need not exist yet.
func New(cfg Config) *Source {
	return &Source{directory: cfg.Directory, single: map[string]single{}, known: map[string]known{}}
}

// Add makes the file at path available as name. A file of the same name in the
// directory is hidden. version is what devices report once they run the firmware.
// Call Add before the source is used.
func (s *Source) Add(name, path, version string) {
	s.single[name] = single{path, version}
}

// Resolve implements firmware.Source. A binary and JSON that do not match give an
// error without sentinel: most likely the files are being copied.
func (s *Source) Resolve(ctx context.Context, _ dfu.Device, spec firmware.Spec) (
	firmware.Metadata, error) {
	ref, ok := spec.Ref.(Ref)
	if !ok {
		return firmware.Metadata{}, fmt.Errorf("%w: %s is no file", firmware.ErrInvalid, spec.Key())
	}
	name := ref.Name
	m, err := s.resolve(ctx, name)
	if err != nil {
		return firmware.Metadata{}, fmt.Errorf("firmware file %q: %w", name, err)
	}
	m.Origin = firmware.Origin{Kind: Kind.Name, Repository: name}
	return m, nil
}

func (s *Source) resolve(ctx context.Context, name string) (firmware.Metadata, error) {
	if added, ok := s.single[name]; ok {
		return s.resolveSingle(ctx, name, added)
	}
	root, err := s.root(name)
	if err != nil {
		return firmware.Metadata{}, err
	}
	defer root.Close()
	return s.resolvePair(ctx, name, root)
}

// root opens the directory, provided that name is a base name.
func (s *Source) root(name string) (*os.Root, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
		return nil, fmt.Errorf("%w: want a base name without extension", firmware.ErrInvalid)
	}
	if s.directory == "" {
		return nil, fmt.Errorf("%w: set firmware.file.directory", firmware.ErrDenied)
	}
	return os.OpenRoot(s.directory)
}

// unchanged returns the image that was read of name before, if the files of the
// name have not changed since.
func (s *Source) unchanged(name string, binary, sidecar fs.FileInfo) (firmware.Metadata, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.known[name]
	return k.m, ok && same(k.binary, binary) && same(k.sidecar, sidecar)
}

func (s *Source) remember(name string, k known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = k
}

// same reports whether two descriptions are of one unchanged file.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Fetch implements firmware.Source. It fails with ErrDigest when the file has
// another size by now. The bytes are verified by the cache.
func (s *Source) Fetch(_ context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	name := m.Origin.Repository
	f, info, err := s.binary(name)
	if err != nil {
		return nil, fmt.Errorf("firmware file %q: %w", name, err)
	}
	if info.Size() != int64(m.Size) {
		_ = f.Close()
		return nil, fmt.Errorf("firmware file %q: %w: the file was replaced and has %d bytes, not %d",
			name, firmware.ErrDigest, info.Size(), m.Size)
	}
	return f, nil
}

// binary opens the firmware of a name.
func (s *Source) binary(name string) (*os.File, fs.FileInfo, error) {
	if added, ok := s.single[name]; ok {
		return open(os.Stat, os.Open, added.path)
	}
	root, err := s.root(name)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	return open(root.Stat, root.Open, name+binaryExt)
}
