package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"havn/firmware"
)

// Add indexes a file that is used now. The download of the file is over.
func (t *Tier) Add(digest firmware.Digest, size int64, now time.Time) *Entry {
	t.Cancel(digest)
	t.forget(digest)
	e := &Entry{Digest: digest, Size: size, Used: now}
	t.entries[digest] = e
	t.bytes += size
	return e
}

// Cancel gives the room of a download back, if the room is still reserved.
func (t *Tier) Cancel(digest firmware.Digest) {
	t.bytes -= t.downloads[digest]
	delete(t.downloads, digest)
}

func (t *Tier) forget(digest firmware.Digest) {
	if e := t.entries[digest]; e != nil {
		t.bytes -= e.Size
		delete(t.entries, digest)
	}
}

// Remove deletes a file. A file that cannot be deleted still counts.
func (t *Tier) Remove(digest firmware.Digest) error {
	if err := os.Remove(t.Path(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t.forget(digest)
	return nil
}

// Reserve makes room for the download of size bytes by removing files that may
// go, least recently used first.
func (t *Tier) Reserve(digest firmware.Digest, size int64, mayGo func(Entry) bool) error {
	if err := t.Shrink(size, mayGo); err != nil {
		return fmt.Errorf("image %s of %d bytes: %w", digest, size, err)
	}
	t.downloads[digest] = size
	t.bytes += size
	return nil
}

// Shrink makes room for size bytes, or removes nothing and returns
// firmware.ErrNoRoom.
func (t *Tier) Shrink(size int64, mayGo func(Entry) bool) error {
	need := t.bytes + size - t.budget
	if need <= 0 {
		return nil
	}
	gone := t.leastRecent(need, mayGo)
	if gone == nil {
		return fmt.Errorf("%w, %d of %d bytes on disk; raise cache.disk or shorten cache.lease",
			firmware.ErrNoRoom, t.bytes, t.budget)
	}
	for _, e := range gone {
		if err := t.Remove(e.Digest); err != nil {
			return fmt.Errorf("make room on disk: %w", err)
		}
	}
	return nil
}

// leastRecent returns the files least recently used that together have need
// bytes, nil if all files that may go have fewer.
func (t *Tier) leastRecent(need int64, mayGo func(Entry) bool) []*Entry {
	var free []*Entry
	for _, e := range t.entries {
		if mayGo(*e) {
			free = append(free, e)
		}
	}
	slices.SortFunc(free, func(a, b *Entry) int { return a.Used.Compare(b.Used) })
	for i, e := range free {
		if need -= e.Size; need <= 0 {
			return free[:i+1]
		}
	}
	return nil
}

// Touch notes a use of a file, if the image has one.
func (t *Tier) Touch(digest firmware.Digest, used time.Time) {
	if e := t.entries[digest]; e != nil && used.After(e.Used) {
		e.Used = used
	}
}

// Outdated returns the files that were used more than age after their mtime,
// which counts as written from now on.
func (t *Tier) Outdated(age time.Duration) []Entry {
	var list []Entry
	for _, e := range t.entries {
		if e.Used.Sub(e.written) > age {
			e.written = e.Used
			list = append(list, *e)
		}
	}
	return list
}

// WriteTimes stores when files were last used as their mtime, for the next start.
func (t *Tier) WriteTimes(list []Entry) error {
	var first error
	for _, e := range list {
		err := os.Chtimes(t.Path(e.Digest), e.Used, e.Used)
		if err != nil && first == nil && !errors.Is(err, fs.ErrNotExist) {
			first = fmt.Errorf("note last use of image: %w", err)
		}
	}
	return first
}
