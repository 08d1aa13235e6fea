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

func TestConfig(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"defaults", Config{Dir: "x"}, true},
		{"no directory", Config{}, false},
		{"negative memory", Config{Dir: "x", Memory: -1}, false},
		{"negative disk", Config{Dir: "x", Disk: -1}, false},
		{"negative lease", Config{Dir: "x", Lease: -1}, false},
		{"negative retry", Config{Dir: "x", Retry: -1}, false},
	}
	for _, test := range tests {
		if err := test.cfg.WithDefaults().check(); (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	want := Config{
		Memory: 256 << 20, Disk: 4 << 30, Lease: time.Hour, Retry: 5 * time.Second, Dir: "x",
	}
	if got := (Config{Dir: "x"}).WithDefaults(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNewReportsUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: file}, newSource(), time.Now, slog.Default()); err == nil {
		t.Fatal("a file was taken for a directory")
	}
}

func TestFind(t *testing.T) {
	h := newHouse(t)
	img := h.load(t, h.source.add(content(1, kib)))
	d := img.Digest
	other := d
	other[31]++ // another image with the same head
	tests := []struct {
		name   string
		prefix []byte
		want   *firmware.Image
	}{
		{"whole", d[:], img},
		{"ETag", d.ETag(), img},
		{"too short", d[:7], nil},
		{"too long", append(d[:], 0), nil},
		{"unknown", make([]byte, 8), nil},
		{"same head", other[:], nil},
	}
	for _, test := range tests {
		if got := h.Find(test.prefix); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	p := pins{{digest: d, img: img}, {digest: other, img: img}}
	if d[31] == 255 {
		p[0], p[1] = p[1], p[0]
	}
	if p.find(d.ETag()) != nil {
		t.Error("an ambiguous prefix found an image")
	}
}

func TestImagesAndStats(t *testing.T) {
	h := newHouse(t)
	a := h.source.add(content(1, kib))
	b := h.source.add(content(2, 2*kib))
	h.load(t, a)
	h.clock.advance(time.Minute)
	served := h.clock.Now()
	h.load(t, b).Touch(served)
	h.Get(a.Digest)
	h.Get(firmware.Digest{})

	for _, held := range h.Images() {
		m := a
		if held.Digest == b.Digest {
			m = b
			if !held.Used.Equal(served) {
				t.Errorf("used at %s, want %s", held.Used, served)
			}
		}
		want := Held{m.Digest, int64(m.Size), true, true, true, held.Used}
		if held != want {
			t.Errorf("got %+v, want %+v", held, want)
		}
	}
	s := h.Stats()
	held := Tiers{Memory: uint64(3 * kib), Disk: uint64(3 * kib)}
	if s.Hits != (Tiers{Memory: 1}) || s.Misses != 1 || s.Bytes != held {
		t.Errorf("got %+v", s)
	}
	if got := s.Fetches[Fetch{"container", ResultOK}]; got != 2 {
		t.Errorf("%d fetches counted, want 2", got)
	}

	h.restart(t)
	h.load(t, a)
	if s := h.Stats(); s.Hits.Disk != 1 || len(s.Fetches) != 0 {
		t.Errorf("after a restart: got %+v", s)
	}
	if got := len(h.Images()); got != 2 {
		t.Errorf("%d images listed, want 2", got)
	}
}
