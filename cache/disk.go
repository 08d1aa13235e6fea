package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"havn/firmware"
)

// entry is an image file.
type entry struct {
	digest  firmware.Digest
	size    int64
	used    time.Time // last known use: served, loaded or stored
	written time.Time // used as the file's mtime has it
}

// disk is the index of the disk tier: files DIR/blobs/sha256/HEX, as in an OCI
// image layout. A file gets that name only when it is complete and verified.
//
//	           reserve            add           remove
//	(nothing) ─────────► download ─────► entry ────────► (nothing)
//	    ▲                   │
//	    └───── cancel ──────┘
//
// Cache.mu guards all but the methods on files (path, create, commit, read).
type disk struct {
	dir     string
	budget  int64
	create  func() (temporary, error) // replaced by tests
	entries map[firmware.Digest]*entry
	// downloads are the bytes reserved for files under way.
	downloads map[firmware.Digest]int64
	bytes     int64 // of entries and downloads
}

// openDisk indexes what dir holds, by names and sizes, and removes what a
// crash left of downloads. Contents are verified when they are read.
func openDisk(dir string, budget int64, now time.Time) (*disk, error) {
	d := &disk{
		dir:       filepath.Join(dir, "blobs", "sha256"),
		budget:    budget,
		entries:   map[firmware.Digest]*entry{},
		downloads: map[firmware.Digest]int64{},
	}
	d.create = d.createTemporary
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	for _, f := range files {
		if err := d.scan(f, now); err != nil {
			return nil, fmt.Errorf("disk cache: %w", err)
		}
	}
	return d, nil
}

// scan indexes one file. Names that are not ours are left alone.
func (d *disk) scan(f os.DirEntry, now time.Time) error {
	if isTemporary(f.Name()) {
		return os.Remove(filepath.Join(d.dir, f.Name()))
	}
	digest, err := firmware.ParseDigest(f.Name())
	if err != nil || digest.Hex() != f.Name() || !f.Type().IsRegular() {
		return nil
	}
	info, err := f.Info()
	if err != nil {
		return err
	}
	e := d.add(digest, info.Size(), info.ModTime())
	if e.used.After(now) { // the clock was ahead once: it would be leased for ever
		e.used = now
	} else {
		e.written = e.used
	}
	return nil
}

func (d *disk) path(digest firmware.Digest) string { return filepath.Join(d.dir, digest.Hex()) }

// add indexes a file, used now. Its download, if there was one, is over.
func (d *disk) add(digest firmware.Digest, size int64, now time.Time) *entry {
	d.cancel(digest)
	d.forget(digest)
	e := &entry{digest: digest, size: size, used: now}
	d.entries[digest] = e
	d.bytes += size
	return e
}

// cancel gives the room of a download back, if it is still reserved.
func (d *disk) cancel(digest firmware.Digest) {
	d.bytes -= d.downloads[digest]
	delete(d.downloads, digest)
}

func (d *disk) forget(digest firmware.Digest) {
	if e := d.entries[digest]; e != nil {
		d.bytes -= e.size
		delete(d.entries, digest)
	}
}

// remove deletes a file. A file that cannot be deleted still counts.
func (d *disk) remove(digest firmware.Digest) error {
	if err := os.Remove(d.path(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.forget(digest)
	return nil
}

// reserve makes room for the download of size bytes by removing files that
// may go, least recently used first. If that is not enough nothing is removed
// and the error is ErrNoRoom.
func (d *disk) reserve(digest firmware.Digest, size int64, mayGo func(*entry) bool) error {
	if err := d.shrink(size, mayGo); err != nil {
		return fmt.Errorf("image %s of %d bytes: %w", digest, size, err)
	}
	d.downloads[digest] = size
	d.bytes += size
	return nil
}

// shrink makes room for size bytes, or removes nothing.
func (d *disk) shrink(size int64, mayGo func(*entry) bool) error {
	need := d.bytes + size - d.budget
	if need <= 0 {
		return nil
	}
	gone := d.leastRecent(need, mayGo)
	if gone == nil {
		return fmt.Errorf("%w, %d of %d bytes on disk; raise cache.disk or shorten cache.lease",
			firmware.ErrNoRoom, d.bytes, d.budget)
	}
	for _, e := range gone {
		if err := d.remove(e.digest); err != nil {
			return fmt.Errorf("make room on disk: %w", err)
		}
	}
	return nil
}

// leastRecent returns the files least recently used that together free need
// bytes, nil if all that may go are fewer.
func (d *disk) leastRecent(need int64, mayGo func(*entry) bool) []*entry {
	var free []*entry
	for _, e := range d.entries {
		if mayGo(e) {
			free = append(free, e)
		}
	}
	slices.SortFunc(free, func(a, b *entry) int { return a.used.Compare(b.used) })
	for i, e := range free {
		if need -= e.size; need <= 0 {
			return free[:i+1]
		}
	}
	return nil
}

// touch notes a use of a file, if the image has one.
func (d *disk) touch(digest firmware.Digest, used time.Time) {
	if e := d.entries[digest]; e != nil && used.After(e.used) {
		e.used = used
	}
}

// outdated returns the files that were used more than age after their mtime,
// which it takes as written.
func (d *disk) outdated(age time.Duration) []entry {
	var list []entry
	for _, e := range d.entries {
		if e.used.Sub(e.written) > age {
			e.written = e.used
			list = append(list, *e)
		}
	}
	return list
}

// writeTimes stores when files were last used as their mtime, for the next start.
func (d *disk) writeTimes(list []entry) error {
	var first error
	for _, e := range list {
		err := os.Chtimes(d.path(e.digest), e.used, e.used)
		if err != nil && first == nil && !errors.Is(err, fs.ErrNotExist) {
			first = fmt.Errorf("note last use of image: %w", err)
		}
	}
	return first
}
