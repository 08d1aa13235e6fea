package spool

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn/upstream"
)

// damaged writes a spool of some events, spoils its file, and opens it again.
func damaged(t *testing.T, spoil func(file []byte) []byte) (_ *Spool, dir, log string) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, Config{}, cloud)
	for i := range 500 {
		if i%50 == 0 {
			add(t, s, cloud, telemetry("t", make([]byte, 9000)))
		}
	}
	var batch []upstream.Event
	for i := range 2000 {
		batch = append(batch, statusOf(fmt.Sprint(i), upstream.Transition, i))
	}
	add(t, s, cloud, batch...)
	if err := s.Settle(cloud, held(t, s, cloud)[:700], nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, spoil(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	s, err = Open(dir, Config{}, []string{cloud}, slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir, text.String()
}

func TestDamagedFileIsSetAside(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"not a spool":     func([]byte) []byte { return []byte("hello") },
		"zeroes":          func(b []byte) []byte { return make([]byte, len(b)) },
		"cut to half":     func(b []byte) []byte { return b[:len(b)/2] },
		"cut to a page":   func(b []byte) []byte { return b[:4096] },
		"pages of noise":  func(b []byte) []byte { return noise(b, 2*4096, len(b)) },
		"pages of zeroes": func(b []byte) []byte { clear(b[2*4096:]); return b },
		"both roots":      func(b []byte) []byte { return noise(b, 0, 2*4096) },
		"no format":       func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("format1"), []byte("formatX")) },
	} {
		t.Run(name, func(t *testing.T) {
			s, dir, log := damaged(t, spoil)
			if !strings.Contains(log, damagedName) {
				t.Errorf("not reported: %q", log)
			}
			if _, err := os.Stat(filepath.Join(dir, damagedName)); err != nil {
				t.Error(err)
			}
			if !s.Fresh() || s.Stats().Events != 0 {
				t.Errorf("not begun anew: %+v", s.Stats())
			}
			add(t, s, cloud, statusOf("a", upstream.Transition, 7))
			expect(t, s, cloud, "a transition 7")
		})
	}
}

// noise overwrites a part of b.
func noise(b []byte, from, to int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(b[from:to])
	return b
}

// Whatever a disk makes of a page, the gateway starts and works.
func TestAnyDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 15 {
		s, _, _ := damaged(t, func(b []byte) []byte {
			at := random.IntN(len(b) - 64)
			switch random.IntN(3) {
			case 0:
				b[at] ^= 1 << random.IntN(8)
			case 1:
				return noise(b, at, at+64)
			default:
				page := at / 4096 * 4096
				copy(b[page:page+4096], b[random.IntN(len(b)/4096)*4096:])
			}
			return b
		})
		add(t, s, cloud, statusOf("a", upstream.Transition, 7))
		for entries := held(t, s, cloud); len(entries) > 0; entries = held(t, s, cloud) {
			if err := s.Settle(cloud, entries, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What an operator can mend is no reason to begin anew.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Config{}, cloud)
	if _, err := Open(dir, Config{}, nil, nil); err == nil || !strings.Contains(err.Error(), "another gateway") {
		t.Errorf("in use: %v", err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Config{}, nil, nil); err == nil {
		t.Error("a directory was opened as a spool")
	}
	if _, err := os.Stat(filepath.Join(dir, damagedName)); err == nil {
		t.Error("a directory was set aside")
	}
}
