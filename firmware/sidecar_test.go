package firmware

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testDigest = Digest{1, 2, 3, 31: 0xff}

func sidecarJSON(version, checksum, size string) string {
	return `{"version":"` + version + `","checksum":"` + checksum + `","size":` + size + `}`
}

func TestParseSidecar(t *testing.T) {
	want := Sidecar{Version: "1.2.0", Checksum: testDigest, Size: 4096}
	for name, text := range map[string]string{
		"hex":         sidecarJSON("1.2.0", testDigest.Hex(), "4096"),
		"prefixed":    sidecarJSON("1.2.0", testDigest.String(), "4096"),
		"upper case":  sidecarJSON("1.2.0", strings.ToUpper(testDigest.Hex()), "4096"),
		"unknown key": `{"board":"x",` + sidecarJSON("1.2.0", testDigest.Hex(), "4096")[1:],
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSidecar([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseSidecarRefuses(t *testing.T) {
	hex := testDigest.Hex()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"empty":         {"", ErrInvalid},
		"array":         {"[]", ErrInvalid},
		"no checksum":   {`{"version":"1","size":1}`, ErrInvalid},
		"bad checksum":  {sidecarJSON("1", "beef", "1"), ErrInvalid},
		"no size":       {`{"checksum":"` + hex + `"}`, ErrInvalid},
		"negative size": {sidecarJSON("1", hex, "-1"), ErrInvalid},
		"huge size":     {sidecarJSON("1", hex, "4294967296"), ErrTooLarge},
		"long version":  {sidecarJSON(strings.Repeat("v", 65), hex, "1"), ErrInvalid},
		"long JSON":     {strings.Repeat(" ", MaxSidecar) + sidecarJSON("1", hex, "1"), ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseSidecar([]byte(test.text)); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestParseSidecarPrefixesFail(t *testing.T) {
	text := sidecarJSON("1.2.0", testDigest.Hex(), "4096")
	for n := range len(text) {
		if _, err := ParseSidecar([]byte(text[:n])); !errors.Is(err, ErrInvalid) {
			t.Fatalf("prefix of %d bytes: error %v, want %v", n, err, ErrInvalid)
		}
	}
}

func FuzzParseSidecar(f *testing.F) {
	f.Add([]byte(sidecarJSON("1.2.0", testDigest.String(), "4096")))
	f.Add([]byte(`{"size":1e3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSidecar(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseSidecar(again); err != nil || got != s {
			t.Errorf("%+v came back as %+v, %v", s, got, err)
		}
	})
}
