package firmware

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"
)

// Image is firmware in memory. Its bytes are immutable and shared by all who
// serve them; callers must not change what Slice and Bytes return.
type Image struct {
	Digest Digest
	data   []byte
	served atomic.Int64 // Unix nanoseconds of the last use
}

// NewImage verifies data against m and returns the image of it. There is no other
// way to an Image. The caller must not use data afterwards.
func NewImage(m Metadata, data []byte) (*Image, error) {
	if uint64(len(data)) != uint64(m.Size) {
		return nil, fmt.Errorf("image %s: %w: got %d bytes, want %d", m.Digest, ErrDigest, len(data), m.Size)
	}
	if got := Digest(sha256.Sum256(data)); got != m.Digest {
		return nil, fmt.Errorf("image %s: %w: got %s", m.Digest, ErrDigest, got)
	}
	return &Image{Digest: m.Digest, data: data}, nil
}

// Size returns the image's length in bytes.
func (i *Image) Size() uint32 { return uint32(len(i.data)) }

// Bytes returns the whole image.
func (i *Image) Bytes() []byte { return i.data }

// Slice returns up to n bytes from offset: fewer at the end, none past it.
func (i *Image) Slice(offset, n uint32) []byte {
	size := i.Size()
	offset = min(offset, size)
	return i.data[offset : offset+min(n, size-offset)]
}

// Touch renews the image's lease: a device was served from it at now.
func (i *Image) Touch(now time.Time) { i.served.Store(now.UnixNano()) }

// Served returns when the image was last touched.
func (i *Image) Served() time.Time { return time.Unix(0, i.served.Load()) }
