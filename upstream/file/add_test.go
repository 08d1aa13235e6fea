package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn/firmware"
)

func TestAdd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.bin")
	write(t, path, []byte("one"))
	s := New(Config{})
	s.Add("firmware", path, "1.0")
	m := mustResolve(t, s, "firmware", "1.0", []byte("one"))
	mustResolve(t, s, "firmware", "1.0", []byte("one"))

	rc, err := s.Fetch(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(rc)
	rc.Close()
	if err != nil || string(got) != "one" {
		t.Errorf("fetched %q, %v", got, err)
	}

	write(t, path, []byte("longer"))
	mustResolve(t, s, "firmware", "1.0", []byte("longer"))
	if _, err := s.Fetch(t.Context(), m); !errors.Is(err, firmware.ErrDigest) {
		t.Errorf("fetch of a replaced file: error %v, want %v", err, firmware.ErrDigest)
	}
}

func TestAddRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty"), nil)
	write(t, filepath.Join(dir, "good"), []byte("x"))
	if err := sparse(filepath.Join(dir, "huge"), 1<<32); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file, version string
		want          error
	}{
		{"empty", "1", firmware.ErrInvalid},
		{"huge", "1", firmware.ErrTooLarge},
		{"absent", "1", firmware.ErrNotFound},
		{".", "1", firmware.ErrInvalid},
		{"good", "", firmware.ErrInvalid},
		{"good", strings.Repeat("v", 65), firmware.ErrInvalid},
	} {
		s := New(Config{})
		s.Add("x", filepath.Join(dir, test.file), test.version)
		if _, err := resolve(t, s, "x"); !errors.Is(err, test.want) {
			t.Errorf("%s %q: error %v, want %v", test.file, test.version, err, test.want)
		}
	}
}

func sparse(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(size)
}
