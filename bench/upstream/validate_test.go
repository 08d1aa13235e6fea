package upstream

import (
	"errors"
	"testing"

	"havn/bench"
)

func TestValidate(t *testing.T) {
	right := Benchmark{Devices: 1, Size: 1, Chunk: 16}
	if err := right.Validate(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"campaign":    with(right, func(u *Benchmark) { u.Devices = 0 }).Validate(),
		"chunk":       with(right, func(u *Benchmark) { u.Chunk = 2048 }).Validate(),
		"odd chunk":   with(right, func(u *Benchmark) { u.Chunk = 18 }).Validate(),
		"no firmware": with(right, func(u *Benchmark) { u.Size = 0 }).Validate(),
		"many chunks": with(right, func(u *Benchmark) { u.Devices, u.Size = 1000, 64<<20 }).Validate(),
	} {
		if !errors.Is(err, bench.ErrUsage) {
			t.Errorf("%s: %v, want ErrUsage", name, err)
		}
	}
}

// with returns v with a change.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}
