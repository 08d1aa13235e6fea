package cache

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"havn/firmware"
)

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
