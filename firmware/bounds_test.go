package firmware

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestBounds(t *testing.T) {
	for version, want := range map[string]error{
		"": nil, strings.Repeat("v", 64): nil, strings.Repeat("v", 65): ErrInvalid,
	} {
		if err := CheckVersion(version); !errors.Is(err, want) {
			t.Errorf("version of %d bytes: %v, want %v", len(version), err, want)
		}
	}
	for size, want := range map[int64]error{
		-1: ErrInvalid, 0: ErrInvalid, 1: nil, math.MaxUint32: nil, 1 << 32: ErrTooLarge,
	} {
		if err := CheckSize(size); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
}
