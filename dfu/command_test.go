package dfu_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"havn/dfu"
)

// sameCommand checks that b parses to want.
func sameCommand(t *testing.T, b []byte, want dfu.Command) {
	t.Helper()
	got, err := dfu.ParseCommand(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%x: -want +got\n%s", b, d)
	}
}

func noCommand(t *testing.T, b []byte) {
	t.Helper()
	got, err := dfu.ParseCommand(b)
	if !errors.Is(err, dfu.ErrMalformed) || !reflect.DeepEqual(got, dfu.Command{}) {
		t.Errorf("%x: got %+v and error %v, want ErrMalformed alone", b, got, err)
	}
}

func TestParseCommand(t *testing.T) {
	seen := loadVectors(t).Command
	for _, v := range seen {
		t.Run(v.Name, func(t *testing.T) {
			if !v.DeviceAccepts {
				noCommand(t, v.CBOR)
				return
			}
			sameCommand(t, v.CBOR, v.Fields.command())
		})
	}
	wantCount(t, "commands", len(seen), 919)
}

func TestParseCommandEdges(t *testing.T) {
	seen := loadVectors(t).EdgeCommand
	for _, v := range seen {
		t.Run(v.Name, func(t *testing.T) {
			input := bytes.Clone(v.CBOR)
			if v.FromMutSlice.OK {
				sameCommand(t, input, v.FromMutSlice.Value.command())
			} else {
				noCommand(t, input)
			}
			if !bytes.Equal(input, v.CBOR) {
				t.Error("ParseCommand wrote into its input")
			}
		})
	}
	wantCount(t, "edge commands", len(seen), 77)
}

// acceptedCommands are all vectors that parse.
func acceptedCommands(t testing.TB) (all [][]byte) {
	v := loadVectors(t)
	for _, c := range v.Command {
		all = append(all, c.CBOR)
	}
	for _, c := range v.EdgeCommand {
		if c.FromMutSlice.OK {
			all = append(all, c.CBOR)
		}
	}
	return all
}

func TestParseCommandPrefixes(t *testing.T) {
	for _, b := range acceptedCommands(t) {
		for n := range b {
			noCommand(t, b[:n])
		}
		noCommand(t, append(bytes.Clone(b), 0))
	}
}

func TestCommandAppend(t *testing.T) {
	minimal := 0
	for _, v := range loadVectors(t).Command {
		c := v.Fields.command()
		got := c.Append([]byte("head"))
		got, ok := bytes.CutPrefix(got, []byte("head"))
		if !ok {
			t.Fatalf("%s: Append changed what was there", v.Name)
		}
		pollGiven := v.Fields.Poll == nil || *v.Fields.Poll > 0 // a poll of 0 is left out
		if v.Mode == "minimal" && pollGiven {
			minimal++
			if !bytes.Equal(got, v.CBOR) {
				t.Errorf("%s:\n got %x\nwant %x", v.Name, got, []byte(v.CBOR))
			}
		}
		if len(got) > len(v.CBOR) {
			t.Errorf("%s: %d bytes, but %s takes %d", v.Name, len(got), v.Mode, len(v.CBOR))
		}
		if c.Len() != len(got) {
			t.Errorf("%s: Len is %d, Append wrote %d", v.Name, c.Len(), len(got))
		}
		sameCommand(t, got, c)
	}
	wantCount(t, "minimal commands", minimal, 191)
}

func TestCommandAllocates(t *testing.T) {
	room := make([]byte, 0, 4096)
	for name, c := range benchCommands() {
		if allocs := testing.AllocsPerRun(100, func() { c.Append(room) }); allocs != 0 {
			t.Errorf("%s: Append allocates %v times", name, allocs)
		}
		b := c.Append(nil)
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := dfu.ParseCommand(b); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: ParseCommand allocates %v times", name, allocs)
		}
	}
}

func benchCommands() map[string]dfu.Command {
	version := []byte("0.1.1")
	return map[string]dfu.Command{
		"wait":       {Op: dfu.OpWait, Poll: 300},
		"sync":       {Op: dfu.OpSync, Version: version, Poll: 300},
		"write 32":   {Op: dfu.OpWrite, Version: version, Offset: 4096, Data: make([]byte, 32)},
		"write 1024": {Op: dfu.OpWrite, Version: version, Offset: 4096, Data: make([]byte, 1024)},
		"swap":       {Op: dfu.OpSwap, Version: version, Checksum: make([]byte, 32)},
	}
}

func BenchmarkCommandAppend(b *testing.B) {
	for name, c := range benchCommands() {
		b.Run(name, func(b *testing.B) {
			room := make([]byte, 0, c.Len())
			b.ReportAllocs()
			b.SetBytes(int64(c.Len()))
			for b.Loop() {
				room = c.Append(room[:0])
			}
		})
	}
}

func BenchmarkParseCommand(b *testing.B) {
	for name, c := range benchCommands() {
		b.Run(name, func(b *testing.B) {
			msg := c.Append(nil)
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if _, err := dfu.ParseCommand(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
