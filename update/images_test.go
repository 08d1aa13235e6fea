package update_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"havn/firmware"
)

// images is a cache without bounds.
type images struct {
	src      *source
	mu       sync.Mutex
	held     map[firmware.Digest]*firmware.Image
	retained map[firmware.Digest]time.Time
	loading  func() // called before an image is loaded; may be nil
}

func (i *images) Get(d firmware.Digest) *firmware.Image {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held[d]
}

func (i *images) Find(prefix []byte) *firmware.Image {
	i.mu.Lock()
	defer i.mu.Unlock()
	for d, img := range i.held {
		if bytes.HasPrefix(d[:], prefix) {
			return img
		}
	}
	return nil
}

func (i *images) Load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error) {
	if i.loading != nil {
		i.loading()
	}
	if img := i.Get(m.Digest); img != nil {
		return img, nil
	}
	r, err := i.src.Fetch(ctx, m)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	img, err := firmware.NewImage(m, data)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.held[m.Digest] = img
	return img, nil
}

func (i *images) Retain(d firmware.Digest, until time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.retained[d] = until
}

func (i *images) evict() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.held)
}
