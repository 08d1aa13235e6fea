package disk

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"havn/firmware"
)

// Names of files under way: never those of images.
const (
	temporaryPrefix = "fetch-"
	temporarySuffix = ".tmp"
)

// Entry is an image file.
type Entry struct {
	Digest firmware.Digest
	Size   int64
	Used   time.Time // last known use: served, loaded or stored

	written time.Time // Used as the file's mtime has it
}

// Tier is the files of a directory and an index of them.
type Tier struct {
	Create func() (File, error) // makes a file for a download; replaced by tests

	dir       string
	budget    int64
	entries   map[firmware.Digest]*Entry
	downloads map[firmware.Digest]int64 // bytes reserved for files under way
	bytes     int64                     // of entries and downloads
}

// Open indexes what dir holds, by names and sizes, and removes what a crash left
// of downloads. Contents are verified when they are read.
func Open(dir string, budget int64, now time.Time) (*Tier, error) {
	t := &Tier{
		dir:       filepath.Join(dir, "blobs", "sha256"),
		budget:    budget,
		entries:   map[firmware.Digest]*Entry{},
		downloads: map[firmware.Digest]int64{},
	}
	t.Create = func() (File, error) {
		return os.CreateTemp(t.dir, temporaryPrefix+"*"+temporarySuffix)
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	files, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	for _, f := range files {
		if err := t.scan(f, now); err != nil {
			return nil, fmt.Errorf("disk cache: %w", err)
		}
	}
	return t, nil
}

// scan indexes one file. A file with a name of another kind is left alone.
func (t *Tier) scan(f os.DirEntry, now time.Time) error {
	if isTemporary(f.Name()) {
		return os.Remove(filepath.Join(t.dir, f.Name()))
	}
	digest, err := firmware.ParseDigest(f.Name())
	if err != nil || digest.Hex() != f.Name() || !f.Type().IsRegular() {
		return nil
	}
	info, err := f.Info()
	if err != nil {
		return err
	}
	e := t.Add(digest, info.Size(), info.ModTime())
	if e.Used.After(now) { // the clock was ahead once: the file would be leased for ever
		e.Used = now
	} else {
		e.written = e.Used
	}
	return nil
}

func isTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// Dir returns the directory of the files.
func (t *Tier) Dir() string { return t.dir }

// Path returns where the file of an image is, or would be.
func (t *Tier) Path(digest firmware.Digest) string { return filepath.Join(t.dir, digest.Hex()) }

// Has reports whether the image has a file.
func (t *Tier) Has(digest firmware.Digest) bool { return t.entries[digest] != nil }

// Bytes returns how much of the budget files and downloads take.
func (t *Tier) Bytes() int64 { return t.bytes }

// Entries returns the files, in no order.
func (t *Tier) Entries() []Entry {
	list := make([]Entry, 0, len(t.entries))
	for e := range maps.Values(t.entries) {
		list = append(list, *e)
	}
	return list
}
