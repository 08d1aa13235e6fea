package firmware

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is the SHA-256 of an image's bytes: its identity everywhere, in the
// cache, in the ETag and in the checksum of a Swap.
type Digest [sha256.Size]byte

const digestPrefix = "sha256:"

// ParseDigest reads "sha256:" and 64 hex digits, or the hex digits alone.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	b, err := hex.DecodeString(strings.TrimPrefix(s, digestPrefix))
	if err != nil || len(b) != len(d) {
		return d, fmt.Errorf("digest %q: want sha256: and %d hex digits", s, 2*len(d))
	}
	return Digest(b), nil
}

// Hex returns the 64 hex digits.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// String returns "sha256:" and the hex digits, the OCI form.
func (d Digest) String() string { return digestPrefix + d.Hex() }

// Short returns the first 12 hex digits, for logs and for the version of an
// image that has no other.
func (d Digest) Short() string { return hex.EncodeToString(d[:6]) }

// ETag returns the first 8 bytes, the longest ETag CoAP allows (RFC 7252
// section 5.10.6).
func (d *Digest) ETag() []byte { return d[:8] }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// HasPrefix reports whether d begins with prefix.
func (d *Digest) HasPrefix(prefix []byte) bool { return bytes.HasPrefix(d[:], prefix) }

// MarshalText writes the OCI form.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseDigest] reads.
func (d *Digest) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDigest(string(b))
	return err
}
