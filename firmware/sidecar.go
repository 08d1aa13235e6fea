package firmware

import (
	"encoding/json"
	"fmt"
	"math"
)

// MaxVersion is the longest version of an image, in bytes.
const MaxVersion = 64

// MaxSidecar bounds the JSON that describes a firmware binary, in bytes.
const MaxSidecar = 64 << 10

// Sidecar is the JSON beside a firmware binary, as Drogue Ajour reads it:
//
//	{"version": "1.2.0", "checksum": "64 hex digits", "size": 4096}
//
// Other keys are ignored.
type Sidecar struct {
	Version  string `json:"version"`  // may be empty
	Checksum Digest `json:"checksum"` // SHA-256 of the binary, "sha256:" allowed before it
	Size     uint64 `json:"size"`     // bytes, 1..2^32-1
}

// ParseSidecar reads and checks the JSON. Errors wrap ErrInvalid, or
// ErrTooLarge for a size no image may have.
func ParseSidecar(b []byte) (Sidecar, error) {
	var s Sidecar
	if len(b) > MaxSidecar {
		return s, fmt.Errorf("%w: %d bytes of JSON, %d at most", ErrInvalid, len(b), MaxSidecar)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return s, s.validate()
}

func (s *Sidecar) validate() error {
	switch {
	case s.Checksum.IsZero():
		return fmt.Errorf("%w: no checksum", ErrInvalid)
	case s.Size == 0:
		return fmt.Errorf("%w: size is 0 or missing", ErrInvalid)
	case s.Size > math.MaxUint32:
		return fmt.Errorf("%w: size %d is more than 2^32-1 bytes", ErrTooLarge, s.Size)
	case len(s.Version) > MaxVersion:
		return fmt.Errorf("%w: version of %d bytes, %d at most", ErrInvalid, len(s.Version), MaxVersion)
	}
	return nil
}
