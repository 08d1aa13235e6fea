package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"havn/cache/disk"
	"havn/firmware"
)

// flight is one load of an image, for which all callers of the image wait.
//
// A flight has an owner: it runs in the goroutine of its first caller, under the
// context of that caller. When the owner gives up, the next caller starts over. A
// caller that waits can leave at any time.
type flight struct {
	done chan struct{} // closed when the fields below are set
	img  *firmware.Image
	err  error
	// abandoned: the first caller gave up (or panicked), which says nothing
	// about the image.
	abandoned bool
}

// Load returns an image and pins it: from memory, else from disk, else from
// its source. All callers for one digest share one fetch.
//
// After a failed fetch, Load returns the same error at once until the next try is
// due. Errors are those of the source; ErrTooLarge and ErrNoRoom, before anything
// is downloaded; ErrDigest where the source sends other bytes than m says; and
// ErrInvalid where m gives the wrong size of an image that is held.
func (c *Cache) Load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	if int64(m.Size) > int64(c.cfg.Memory) {
		return nil, tooLarge(m, "cache.memory", c.cfg.Memory)
	}
	for {
		img, f, first := c.join(m.Digest)
		if img != nil {
			return sized(img, m)
		}
		if first {
			return c.lead(ctx, m, f)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("image %s: wait for its fetch: %w", m.Digest, ctx.Err())
		case <-f.done:
		}
		switch {
		case f.abandoned:
		case f.err != nil:
			return nil, f.err
		default:
			return sized(f.img, m)
		}
	}
}

func tooLarge(m firmware.Metadata, key string, budget firmware.Size) error {
	return fmt.Errorf("image %s: %w: %d bytes, %s is %s",
		m.Digest, firmware.ErrTooLarge, m.Size, key, budget)
}

func sized(img *firmware.Image, m firmware.Metadata) (*firmware.Image, error) {
	if img.Size() != m.Size {
		return nil, disk.SizeMismatch(m, int64(img.Size()))
	}
	return img, nil
}

// join returns the image if it is in memory, else its flight and whether the
// caller is the first on it.
func (c *Cache) join(d firmware.Digest) (img *firmware.Image, f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if img := c.inMemory(d); img != nil {
		return img, nil, false
	}
	if f := c.flights[d]; f != nil {
		return nil, f, false
	}
	f = &flight{done: make(chan struct{}), abandoned: true}
	c.flights[d] = f
	return nil, f, true
}

// inMemory returns the image pinned. c.mu is held.
func (c *Cache) inMemory(d firmware.Digest) *firmware.Image {
	if img := c.memory.load().get(d); img != nil {
		return img
	}
	if img := c.memory.warm.get(d); img != nil && c.memory.promote(img, c.clock()) {
		return img
	}
	return nil
}

// lead runs the flight to its end.
func (c *Cache) lead(ctx context.Context, m firmware.Metadata, f *flight) (*firmware.Image, error) {
	defer func() {
		c.mu.Lock()
		delete(c.flights, m.Digest)
		c.mu.Unlock()
		close(f.done)
	}()
	f.img, f.err = c.load(ctx, m)
	f.abandoned = f.err != nil && ctx.Err() != nil
	return f.img, f.err
}

func (c *Cache) load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	img, err := c.fromDisk(ctx, m)
	if img != nil || err != nil {
		return img, err
	}
	if err := c.admit(m); err != nil {
		return nil, err
	}
	img, err = c.fetch(ctx, m)
	c.landed(ctx, m, err)
	return img, err
}

// fromDisk returns neither image nor error where the image must be fetched.
func (c *Cache) fromDisk(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	c.mu.Lock()
	known := c.disk.Has(m.Digest)
	c.mu.Unlock()
	if !known {
		return nil, nil
	}
	img, err := c.read(ctx, m)
	switch {
	case err == nil:
		c.diskHits.Add(1)
	case errors.Is(err, firmware.ErrInvalid) || ctx.Err() != nil:
		return nil, err
	default:
		c.damaged(m.Digest, err)
	}
	return img, nil
}

// damaged handles a file that is not the image it should be. A file that could
// not be read is kept: the file may be sound, and a fetch replaces it.
func (c *Cache) damaged(d firmware.Digest, cause error) {
	c.log.Warn("file of a firmware image cannot be used; the image is fetched again",
		"digest", d, "file", c.disk.Path(d), "error", cause)
	c.mu.Lock()
	c.counts.corrupt++
	var err error
	if errors.Is(cause, firmware.ErrDigest) || errors.Is(cause, fs.ErrNotExist) {
		err = c.disk.Remove(d)
	}
	c.mu.Unlock()
	c.noteDisk(err)
}

// read brings an image from disk into memory.
func (c *Cache) read(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	return c.hold(ctx, m, func() ([]byte, error) { return c.disk.Read(m) })
}

// hold makes room in memory, then reads, verifies and pins the image.
func (c *Cache) hold(
	ctx context.Context, m firmware.Metadata, read func() ([]byte, error),
) (*firmware.Image, error) {
	size := int64(m.Size)
	if err := c.reads.Acquire(ctx, size); err != nil {
		return nil, fmt.Errorf("image %s: wait for memory: %w", m.Digest, err)
	}
	defer c.reads.Release(size)
	c.mu.Lock()
	c.noteReleased(c.memory.reserve(size))
	c.mu.Unlock()
	img, err := verified(m, read)

	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.memory.cancel(size)
		return nil, err
	}
	return c.memory.pin(img, c.clock()), nil
}

func verified(m firmware.Metadata, read func() ([]byte, error)) (*firmware.Image, error) {
	data, err := read()
	if err != nil {
		return nil, err
	}
	return firmware.NewImage(m, data)
}

// admit refuses an image that is too large or whose next try is not due, and
// reserves room on disk for the image.
func (c *Cache) admit(m firmware.Metadata) error {
	if int64(m.Size) > int64(c.cfg.Disk) {
		return tooLarge(m, "cache.disk", c.cfg.Disk)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.failures.check(m.Digest, c.clock()); err != nil {
		return err
	}
	return c.disk.Reserve(m.Digest, int64(m.Size), c.mayEvict())
}

// landed gives back the room that admit reserved, counts the fetch, and sets the
// time of the next try. A caller who gave up says nothing about the source.
func (c *Cache) landed(ctx context.Context, m firmware.Metadata, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disk.Cancel(m.Digest)
	result := resultOf(ctx, err)
	c.counts.fetches[Fetch{Source: m.Origin.Kind, Result: result}]++
	if result != ResultCancelled {
		c.failures.note(m.Digest, err, c.clock())
	}
}

// fetch downloads an image to disk and reads it back into memory.
func (c *Cache) fetch(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	body, err := c.source.Fetch(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("image %s: fetch from %s: %w", m.Digest, m.Origin.Repository, err)
	}
	defer body.Close()
	download, err := c.disk.Begin()
	if err != nil {
		return c.memoryOnly(ctx, m, body, err)
	}
	defer download.Discard()
	if err = download.Receive(m, body); err == nil {
		err = download.Commit(m.Digest)
	}
	switch {
	case errors.Is(err, disk.ErrRefused):
		return c.memoryOnly(ctx, m, download.All(body), err)
	case err != nil:
		return nil, err
	}
	c.stored(m)
	return c.read(ctx, m)
}

func (c *Cache) stored(m firmware.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disk.Add(m.Digest, int64(m.Size), c.clock())
	c.failing = false
}

// memoryOnly takes an image that the disk refuses. A device that is served from
// memory alone is better off than a device that waits for somebody to free a disk.
func (c *Cache) memoryOnly(
	ctx context.Context, m firmware.Metadata, body io.Reader, cause error,
) (*firmware.Image, error) {
	c.noteDisk(fmt.Errorf("image %s: %w", m.Digest, cause))
	return c.hold(ctx, m, func() ([]byte, error) { return disk.ReadImage(m, body) })
}
