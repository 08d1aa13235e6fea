package dfu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"havn/dfu"
)

// sameStatus checks that b parses to want.
func sameStatus(t *testing.T, b []byte, want dfu.Status) {
	t.Helper()
	got, err := dfu.ParseStatus(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%x: -want +got\n%s", b, d)
	}
}

func noStatus(t *testing.T, b []byte) {
	t.Helper()
	got, err := dfu.ParseStatus(b)
	if !errors.Is(err, dfu.ErrMalformed) || !reflect.DeepEqual(got, dfu.Status{}) {
		t.Errorf("%x: got %+v and error %v, want ErrMalformed alone", b, got, err)
	}
}

func TestParseStatus(t *testing.T) {
	seen := loadVectors(t).Status
	for _, v := range seen {
		t.Run(v.Name, func(t *testing.T) {
			if !v.ServerAccepts {
				noStatus(t, v.CBOR)
				return
			}
			sameStatus(t, v.CBOR, v.Fields.status())
		})
	}
	wantCount(t, "statuses", len(seen), 288)
}

func TestParseStatusEdges(t *testing.T) {
	seen := loadVectors(t).EdgeStatus
	for _, v := range seen {
		t.Run(v.Name, func(t *testing.T) {
			if !v.FromSlice.OK {
				noStatus(t, v.CBOR)
				return
			}
			sameStatus(t, v.CBOR, v.FromSlice.Value.status())
		})
	}
	wantCount(t, "edge statuses", len(seen), 110)
}

// acceptedStatuses are all vectors that parse.
func acceptedStatuses(t testing.TB) (all [][]byte) {
	v := loadVectors(t)
	for _, s := range v.Status {
		all = append(all, s.CBOR)
	}
	for _, s := range v.EdgeStatus {
		if s.FromSlice.OK {
			all = append(all, s.CBOR)
		}
	}
	return all
}

func TestParseStatusPrefixes(t *testing.T) {
	for _, b := range acceptedStatuses(t) {
		for n := range b {
			noStatus(t, b[:n])
		}
		noStatus(t, append(bytes.Clone(b), 0))
	}
}

// Append writes what devices send, byte for byte.
func TestStatusAppend(t *testing.T) {
	packed := 0
	for _, v := range loadVectors(t).Status {
		got := v.Fields.status().Append([]byte("head"))
		got, ok := bytes.CutPrefix(got, []byte("head"))
		if !ok {
			t.Fatalf("%s: Append changed what was there", v.Name)
		}
		if v.Mode == "packed" {
			packed++
			if !bytes.Equal(got, v.CBOR) {
				t.Errorf("%s:\n got %x\nwant %x", v.Name, got, []byte(v.CBOR))
			}
		}
		sameStatus(t, got, v.Fields.status())
	}
	wantCount(t, "packed statuses", packed, 99)
}

func TestParseStatusAliases(t *testing.T) {
	b := dfu.Status{
		Version: []byte("1"), Updating: true, Update: dfu.Progress{Version: []byte("2")},
	}.Append(nil)
	s, err := dfu.ParseStatus(b)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[bytes.IndexByte(b, '1'):], "x")
	copy(b[bytes.IndexByte(b, '2'):], "y")
	if string(s.Version) != "x" || string(s.Update.Version) != "y" {
		t.Errorf("versions %q and %q do not alias the input", s.Version, s.Update.Version)
	}
	before := bytes.Clone(b)
	_ = append(s.Version, "grown"...)
	if !bytes.Equal(b, before) {
		t.Error("appending to the version wrote into the input")
	}
}

func TestParseStatusAllocates(t *testing.T) {
	for name, b := range benchStatuses(t) {
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := dfu.ParseStatus(b); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: ParseStatus allocates %v times", name, allocs)
		}
		s, _ := dfu.ParseStatus(b)
		room := make([]byte, 0, 256)
		if allocs := testing.AllocsPerRun(100, func() { s.Append(room) }); allocs != 0 {
			t.Errorf("%s: Append allocates %v times", name, allocs)
		}
	}
}

// benchStatuses is one update in flight as devices (packed), drgdfu (named)
// and no known device (positional) report it.
func benchStatuses(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"packed": unhex(t, "a40045302e312e3001182002f603a20045302e312e31011820"),
		"named": unhex(t, "a46776657273696f6e45302e312e30636d747518206e636f7272656c6174696f6e5f6964f6"+
			"66757064617465a26776657273696f6e45302e312e31666f66667365741820"),
		"positional": unhex(t, "8445302e312e301820f68245302e312e311820"),
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkParseStatus(b *testing.B) {
	for name, msg := range benchStatuses(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if _, err := dfu.ParseStatus(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStatusAppend(b *testing.B) {
	s, err := dfu.ParseStatus(benchStatuses(b)["packed"])
	if err != nil {
		b.Fatal(err)
	}
	room := s.Append(nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(room)))
	for b.Loop() {
		room = s.Append(room[:0])
	}
}
