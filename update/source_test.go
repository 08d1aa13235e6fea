package update_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"havn/dfu"
	"havn/firmware"
)

var errAway = errors.New("connection refused")

// source is a firmware.Source in memory.
type source struct {
	mu       sync.Mutex
	images   map[string]firmware.Metadata
	data     map[firmware.Digest][]byte
	away     bool
	closed   error    // the answer of the gate; nil: open
	granted  int      // swaps
	resolves []string // the specs asked for
	fetches  int
}

func (s *source) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resolves)
}

func (s *source) put(name string, m firmware.Metadata, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[name], s.data[m.Digest] = m, data
}

func (s *source) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *source) Resolve(_ context.Context, _ dfu.Device, spec firmware.Spec) (firmware.Metadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolves = append(s.resolves, spec.Key())
	if s.away {
		return firmware.Metadata{}, errAway
	}
	m, ok := s.images[spec.Key()]
	if !ok {
		return m, fmt.Errorf("%s: %w", spec.Key(), firmware.ErrNotFound)
	}
	return m, nil
}

func (s *source) Fetch(_ context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	if s.away {
		return nil, errAway
	}
	return io.NopCloser(bytes.NewReader(s.data[m.Digest])), nil
}
