package firmware

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"
)

func metadata(data []byte) Metadata {
	return Metadata{Digest: sha256.Sum256(data), Size: uint32(len(data))}
}

func TestNewImageVerifies(t *testing.T) {
	data := []byte("firmware")
	if _, err := NewImage(metadata(data), data); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][]byte{
		"truncated": data[:5], "longer": append(data[:8:8], 0), "changed": []byte("firmwarf"), "empty": nil,
	} {
		if img, err := NewImage(metadata(data), bad); img != nil || !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSlice(t *testing.T) {
	data := []byte("0123456789")
	img, err := NewImage(metadata(data), data)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		offset, n uint32
		want      string
	}{{0, 4, "0123"}, {8, 4, "89"}, {10, 4, ""}, {11, 4, ""}, {1<<32 - 1, 1<<32 - 1, ""}, {2, 1<<32 - 1, "23456789"}}
	for _, tt := range tests {
		if got := string(img.Slice(tt.offset, tt.n)); got != tt.want {
			t.Errorf("Slice(%d, %d) = %q, want %q", tt.offset, tt.n, got, tt.want)
		}
	}
}

func TestLease(t *testing.T) {
	img, _ := NewImage(metadata(nil), nil)
	now := time.Unix(1000, 5)
	if img.Touch(now); !img.Served().Equal(now) {
		t.Errorf("served %v", img.Served())
	}
}

func TestParseDigest(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for _, good := range []string{hex, "sha256:" + hex} {
		if d, err := ParseDigest(good); err != nil || d.String() != "sha256:"+hex || d.Short() != hex[:12] {
			t.Errorf("%s: %v %v", good, d, err)
		}
	}
	for _, bad := range []string{"", "sha256:", hex[:63], hex + "00", "sha512:" + hex, strings.Repeat("g", 64)} {
		if _, err := ParseDigest(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("sha256:" + strings.Repeat("0a", 32))
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDigest(s)
		if again, err2 := ParseDigest(d.String()); err == nil && (err2 != nil || again != d) {
			t.Errorf("%q: %v, %v", s, again, err2)
		}
	})
}

func TestIs(t *testing.T) {
	m := Metadata{Version: "v2", Names: []string{"2.0"}}
	for version, want := range map[string]bool{"v2": true, "2.0": true, "": false, "v20": false} {
		if m.Is([]byte(version)) != want {
			t.Errorf("Is(%q) = %v", version, !want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "64": 64, "12B": 12, "1KiB": KiB, "256 MiB": 256 * MiB, "4GiB": 4 * GiB,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: %v %v", text, s, err)
		}
		var again Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q written as %q reads %v", text, s, again)
		}
	}
	for _, bad := range []string{"", "KiB", "-1", "1.5MiB", "1MB", "9999999999GiB", "1e3"} {
		var s Size
		if err := s.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q accepted as %v", bad, s)
		}
	}
}

func TestTargetOfAWholeImage(t *testing.T) {
	m := Metadata{Version: "v2", Digest: testDigest, Size: 4096, Origin: Origin{Kind: "file", Repository: "fw"}}
	target := NewTarget(m)
	if got := target.Blob(); got.Digest != m.Digest || got.Size != m.Size || got.Origin != m.Origin {
		t.Errorf("a whole image is transferred as %+v", got)
	}
	target.Transfer = Transfer{Digest: Digest{9}, Size: 100}
	if got := target.Blob(); got.Digest != target.Transfer.Digest || got.Size != 100 || target.Digest != testDigest {
		t.Errorf("other bytes for the same result are transferred as %+v", got)
	}
}
