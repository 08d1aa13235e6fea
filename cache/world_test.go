package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/firmware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// content is size bytes, different for each seed.
func content(seed, size int) []byte {
	b := make([]byte, max(size, 8))
	binary.BigEndian.PutUint64(b, uint64(seed))
	return b[:size]
}

func metadata(data []byte) firmware.Metadata {
	return firmware.Metadata{
		Digest: sha256.Sum256(data),
		Size:   uint32(len(data)),
		Origin: firmware.Origin{Kind: "container", Repository: "registry/firmware"},
	}
}

// fakeSource serves what it was given, and counts.
type fakeSource struct {
	mu      sync.Mutex
	images  map[firmware.Digest][]byte
	fetches map[firmware.Digest]int
	err     error // the source is away
	// entered, where set, gets a value when a fetch begins; it goes on after
	// one from release, or ends with its context.
	entered, release chan struct{}
}

func newSource() *fakeSource {
	return &fakeSource{images: map[firmware.Digest][]byte{}, fetches: map[firmware.Digest]int{}}
}

// add offers an image.
func (s *fakeSource) add(data []byte) firmware.Metadata {
	m := metadata(data)
	s.offer(m.Digest, data)
	return m
}

// offer serves data under a digest that need not be its own.
func (s *fakeSource) offer(d firmware.Digest, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[d] = data
}

func (s *fakeSource) away(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *fakeSource) count(d firmware.Digest) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches[d]
}

func (s *fakeSource) Fetch(ctx context.Context, m firmware.Metadata) (io.ReadCloser, error) {
	s.mu.Lock()
	s.fetches[m.Digest]++
	data, err := s.images[m.Digest], s.err
	s.mu.Unlock()
	if s.entered != nil {
		s.entered <- struct{}{}
		select {
		case <-s.release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// fakeClock is moved by hand.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock { return &fakeClock{now: time.Now().Truncate(time.Second)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// house is a cache with all it stands on.
type house struct {
	*Cache
	source *fakeSource
	clock  *fakeClock
	logs   *bytes.Buffer // read it when nothing runs
	dir    string
}

const kib = int(firmware.KiB)

// newHouse has room for 4 KiB in memory and 8 KiB on disk.
func newHouse(t testing.TB) *house {
	h := &house{source: newSource(), clock: newClock(), logs: &bytes.Buffer{}, dir: t.TempDir()}
	h.open(t, Config{Memory: 4 * firmware.KiB, Disk: 8 * firmware.KiB, Lease: time.Hour})
	return h
}

// open starts a cache on the house's directory, as after a restart.
func (h *house) open(t testing.TB, cfg Config) {
	t.Helper()
	cfg.Dir = h.dir
	c, err := New(cfg, h.source, h.clock.Now, slog.New(slog.NewTextHandler(h.logs, nil)))
	if err != nil {
		t.Fatal(err)
	}
	h.Cache = c
	t.Cleanup(c.Close)
}

func (h *house) restart(t testing.TB) {
	t.Helper()
	h.Close()
	h.open(t, h.cfg)
}

func (h *house) load(t testing.TB, m firmware.Metadata) *firmware.Image {
	t.Helper()
	img, err := h.Load(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (h *house) file(d firmware.Digest) string {
	return filepath.Join(h.dir, "blobs", "sha256", d.Hex())
}

func (h *house) onDisk(d firmware.Digest) bool {
	_, err := os.Stat(h.file(d))
	return err == nil
}

// names lists the directory of the disk tier.
func (h *house) names(t testing.TB) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(h.dir, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}
