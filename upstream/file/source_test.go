package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
)

var device = dfu.Device{Application: "app", Name: "dev"}

func spec(name string) firmware.Spec {
	return Ref{Name: name}.Spec()
}

func resolve(t *testing.T, s *Source, name string) (firmware.Metadata, error) {
	t.Helper()
	return s.Resolve(t.Context(), device, spec(name))
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sidecar describes b as NAME.json does.
func sidecar(version string, b []byte) []byte {
	return fmt.Appendf(nil, `{"version":%q,"checksum":"%x","size":%d}`,
		version, sha256.Sum256(b), len(b))
}

func writePair(t *testing.T, dir, name, version string, b []byte) {
	t.Helper()
	write(t, filepath.Join(dir, name+".bin"), b)
	write(t, filepath.Join(dir, name+".json"), sidecar(version, b))
}

func metadata(name, version string, b []byte) firmware.Metadata {
	return firmware.Metadata{Version: version, Digest: sha256.Sum256(b), Size: uint32(len(b)),
		Origin: firmware.Origin{Kind: Kind.Name, Repository: name}}
}

// mustResolve checks what name resolves to.
func mustResolve(t *testing.T, s *Source, name, version string, b []byte) firmware.Metadata {
	t.Helper()
	m, err := resolve(t, s, name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metadata(name, version, b), m); diff != "" {
		t.Fatal(diff)
	}
	return m
}

func TestResolveAndFetch(t *testing.T) {
	dir, b := t.TempDir(), []byte("the firmware")
	writePair(t, dir, "blinky", "1.0", b)
	s := New(Config{Directory: dir})
	m := mustResolve(t, s, "blinky", "1.0", b)
	rc, err := s.Fetch(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	got, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := firmware.NewImage(m, got); err != nil {
		t.Error(err)
	}
}

func TestResolveReadsAgainWhatChanged(t *testing.T) {
	dir := t.TempDir()
	s := New(Config{Directory: dir})
	writePair(t, dir, "blinky", "1.0", []byte("version one"))
	mustResolve(t, s, "blinky", "1.0", []byte("version one"))
	writePair(t, dir, "blinky", "2.0", []byte("the second version"))
	mustResolve(t, s, "blinky", "2.0", []byte("the second version"))

	// Only the JSON changes.
	write(t, filepath.Join(dir, "blinky.json"), sidecar("2.0.1", []byte("the second version")))
	mustResolve(t, s, "blinky", "2.0.1", []byte("the second version"))
}

// TestResolveHashesOnce changes the bytes behind an unchanged size and time: that
// the old answer comes again shows that they were not read.
func TestResolveHashesOnce(t *testing.T) {
	dir, b := t.TempDir(), []byte("AAAA")
	writePair(t, dir, "blinky", "1.0", b)
	path := filepath.Join(dir, "blinky.bin")
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Directory: dir})
	mustResolve(t, s, "blinky", "1.0", b)
	write(t, path, []byte("BBBB"))
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	mustResolve(t, s, "blinky", "1.0", b)

	if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(t, s, "blinky"); err == nil {
		t.Error("a changed file was not read again")
	}
}

// TestHalfWrittenPair requires an error that asks for patience: no sentinel.
func TestHalfWrittenPair(t *testing.T) {
	b := []byte("the firmware")
	other := []byte("The firmware")
	for name, binary := range map[string][]byte{
		"empty": {}, "shorter": b[:5], "longer": append(b[:len(b):len(b)], 'x'), "other bytes": other,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writePair(t, dir, "blinky", "1.0", b)
			write(t, filepath.Join(dir, "blinky.bin"), binary)
			s := New(Config{Directory: dir})
			_, err := resolve(t, s, "blinky")
			if err == nil || sentinel(err) != nil {
				t.Errorf("error %v with sentinel %v, want one without", err, sentinel(err))
			}
			write(t, filepath.Join(dir, "blinky.bin"), b)
			mustResolve(t, s, "blinky", "1.0", b)
		})
	}
}

// sentinel returns the sentinel that err wraps, nil if none.
func sentinel(err error) error {
	for _, s := range []error{firmware.ErrNotFound, firmware.ErrPending, firmware.ErrDigest,
		firmware.ErrTooLarge, firmware.ErrDenied, firmware.ErrInvalid} {
		if errors.Is(err, s) {
			return s
		}
	}
	return nil
}

func TestResolveRefuses(t *testing.T) {
	outside := t.TempDir()
	writePair(t, outside, "secret", "1.0", []byte("secret"))
	dir := t.TempDir()
	writePair(t, dir, "nojson", "1.0", []byte("x"))
	writePair(t, dir, "nobin", "1.0", []byte("x"))
	os.Remove(filepath.Join(dir, "nojson.json"))
	os.Remove(filepath.Join(dir, "nobin.bin"))
	write(t, filepath.Join(dir, "broken.bin"), []byte("x"))
	write(t, filepath.Join(dir, "broken.json"), []byte(`{"version"`))
	write(t, filepath.Join(dir, "unnamed.bin"), []byte("x"))
	write(t, filepath.Join(dir, "unnamed.json"), sidecar("", []byte("x")))
	writePair(t, dir, "folder", "1.0", []byte("x"))
	os.Remove(filepath.Join(dir, "folder.bin"))
	os.Mkdir(filepath.Join(dir, "folder.bin"), 0o755)
	writePair(t, dir, "pipe", "1.0", []byte("x"))
	os.Remove(filepath.Join(dir, "pipe.bin"))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.bin"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Directory: dir})
	for name, want := range map[string]error{
		"": firmware.ErrInvalid, ".": firmware.ErrInvalid, "..": firmware.ErrInvalid,
		"../" + filepath.Base(outside) + "/secret": firmware.ErrInvalid,
		outside + "/secret":                        firmware.ErrInvalid,
		`..\secret`:                                firmware.ErrInvalid,
		"nul\x00byte":                              firmware.ErrInvalid,
		"absent":                                   firmware.ErrNotFound,
		"nojson":                                   firmware.ErrNotFound,
		"nobin":                                    firmware.ErrNotFound,
		"broken":                                   firmware.ErrInvalid,
		"unnamed":                                  firmware.ErrInvalid,
		"folder":                                   firmware.ErrInvalid,
		"pipe":                                     firmware.ErrInvalid,
	} {
		if _, err := resolve(t, s, name); !errors.Is(err, want) {
			t.Errorf("%q: error %v, want %v", name, err, want)
		}
		m := firmware.Metadata{Size: 1, Origin: firmware.Origin{Repository: name}}
		if name == "nojson" || name == "broken" || name == "unnamed" {
			continue // their binaries are there
		}
		if _, err := s.Fetch(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("fetch %q: error %v, want %v", name, err, want)
		}
	}
}

func TestLinksDoNotEscape(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	writePair(t, outside, "secret", "1.0", []byte("secret"))
	for _, ext := range []string{".bin", ".json"} {
		err := os.Symlink(filepath.Join(outside, "secret"+ext), filepath.Join(dir, "link"+ext))
		if err != nil {
			t.Fatal(err)
		}
	}
	if m, err := resolve(t, New(Config{Directory: dir}), "link"); err == nil {
		t.Errorf("read %+v outside the directory", m)
	}
}

func TestDirectoryAwayOrUnset(t *testing.T) {
	_, err := resolve(t, New(Config{Directory: filepath.Join(t.TempDir(), "absent")}), "x")
	if err == nil || sentinel(err) != nil {
		t.Errorf("absent directory: error %v, want one without sentinel", err)
	}
	if _, err := resolve(t, New(Config{}), "x"); !errors.Is(err, firmware.ErrDenied) {
		t.Errorf("no directory: error %v, want %v", err, firmware.ErrDenied)
	}
	_, err = New(Config{}).Resolve(t.Context(), device, firmware.Spec{})
	if !errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("no file in the spec: error %v, want %v", err, firmware.ErrInvalid)
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "blinky", "1.0", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(Config{Directory: dir}).Resolve(ctx, device, spec("blinky"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
