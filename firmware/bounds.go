package firmware

import (
	"fmt"
	"math"
)

// Bounds of an image, in bytes.
const (
	MaxVersion = 64             // of the version
	MaxSize    = math.MaxUint32 // of the image
)

// CheckVersion returns ErrInvalid for a version that is too long. An empty version
// passes.
func CheckVersion(version string) error {
	if len(version) > MaxVersion {
		return fmt.Errorf("%w: version %.16q... has %d bytes, %d at most",
			ErrInvalid, version, len(version), MaxVersion)
	}
	return nil
}

// CheckSize returns ErrInvalid for an image without bytes, and ErrTooLarge for an
// image that no device can ask for.
func CheckSize(size int64) error {
	switch {
	case size <= 0:
		return fmt.Errorf("%w: the image is empty", ErrInvalid)
	case size > MaxSize:
		return fmt.Errorf("%w: %d bytes, 2^32-1 at most", ErrTooLarge, size)
	}
	return nil
}
