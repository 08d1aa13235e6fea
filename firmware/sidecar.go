package firmware

import (
	"encoding/json"
	"fmt"
	"math"
)

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
	if s.Checksum.IsZero() {
		return fmt.Errorf("%w: no checksum", ErrInvalid)
	}
	if err := CheckSize(int64(min(s.Size, math.MaxInt64))); err != nil {
		return err
	}
	return CheckVersion(s.Version)
}
