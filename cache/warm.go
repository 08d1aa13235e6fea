package cache

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"havn/firmware"
)

const (
	// warmCounters is ten times the images expected, as ristretto advises;
	// about 3 bytes each.
	warmCounters = 1 << 14
	// warmBuffer is ristretto's recommended number of reads it records at once.
	warmBuffer = 64
)

// warm holds images that are not in use, as long as there is room. ristretto
// decides which images to keep, and may refuse or drop any.
//
// The lock is there for close alone, which takes the lock for writing: ristretto
// may panic when it is used while it is being closed. Before and after, ristretto
// is safe. Methods that change the images are called one at a time.
type warm struct {
	mu    sync.RWMutex
	cache *ristretto.Cache[uint64, *firmware.Image]
}

func newWarm(budget int64) (*warm, error) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, *firmware.Image]{
		NumCounters:        warmCounters,
		MaxCost:            budget,
		BufferItems:        warmBuffer,
		IgnoreInternalCost: true, // the budget is bytes of firmware
		KeyToHash:          func(key uint64) (uint64, uint64) { return key, 0 },
		// Nothing here expires: an idle machine is not woken to look for it.
		TtlTickerDurationInSec: int64(24 * time.Hour / time.Second),
	})
	if err != nil {
		return nil, err
	}
	return &warm{cache: c}, nil
}

// warmKey is the head of the digest, which is a hash already. Of two images with
// one key, the later replaces the earlier; get tells them apart.
func warmKey(d *firmware.Digest) uint64 { return binary.BigEndian.Uint64(d[:8]) }

func (w *warm) get(d firmware.Digest) *firmware.Image {
	w.mu.RLock()
	defer w.mu.RUnlock()
	img, ok := w.cache.Get(warmKey(&d))
	if !ok || img.Digest != d {
		return nil
	}
	return img
}

// put offers released images. Like resize, put leaves no write under way: the
// budget holds whenever no call is under way.
func (w *warm) put(gone []pin) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, pin := range gone {
		w.cache.Set(warmKey(&pin.digest), pin.img, int64(pin.img.Size()))
	}
	w.cache.Wait()
}

// drop removes an image; the next resize sees the room.
func (w *warm) drop(d firmware.Digest) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	w.cache.Del(warmKey(&d))
}

// resize sets the budget. The images are within the budget when resize returns:
// ristretto by itself would drop none before it takes the next image.
func (w *warm) resize(budget int64) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	w.cache.UpdateMaxCost(budget)
	w.cache.Wait() // else writes under way are missing from RemainingCost
	over := -w.cache.RemainingCost()
	if over <= 0 {
		return
	}
	for _, img := range w.leastRecent() {
		if over <= 0 {
			break
		}
		w.cache.Del(warmKey(&img.Digest))
		over -= int64(img.Size())
	}
	w.cache.Wait()
}

func (w *warm) leastRecent() []*firmware.Image {
	images := w.collect()
	slices.SortFunc(images, func(a, b *firmware.Image) int {
		return cmp.Compare(a.Served().UnixNano(), b.Served().UnixNano())
	})
	return images
}

// images returns the images that are held now.
func (w *warm) images() []*firmware.Image {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.collect()
}

func (w *warm) collect() []*firmware.Image {
	var images []*firmware.Image
	w.cache.IterValues(func(img *firmware.Image) bool {
		images = append(images, img)
		return false
	})
	return images
}

// close drops everything and ends ristretto's goroutines.
func (w *warm) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cache.Close()
}
