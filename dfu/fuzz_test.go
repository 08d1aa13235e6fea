package dfu_test

import (
	"bytes"
	"testing"

	"havn/dfu"
)

func FuzzParseStatus(f *testing.F) {
	for _, b := range acceptedStatuses(f) {
		f.Add(b)
	}
	for _, v := range loadVectors(f).EdgeStatus {
		f.Add([]byte(v.CBOR))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		input := bytes.Clone(b)
		s, err := dfu.ParseStatus(b)
		if !bytes.Equal(b, input) {
			t.Fatalf("%x became %x", input, b)
		}
		if err != nil {
			noStatus(t, b)
			return
		}
		sameStatus(t, s.Append(nil), s)
	})
}

func FuzzParseCommand(f *testing.F) {
	for _, b := range acceptedCommands(f) {
		f.Add(b)
	}
	for _, v := range loadVectors(f).EdgeCommand {
		f.Add([]byte(v.CBOR))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		input := bytes.Clone(b)
		c, err := dfu.ParseCommand(b)
		if !bytes.Equal(b, input) {
			t.Fatalf("%x became %x", input, b)
		}
		if err != nil {
			noCommand(t, b)
			return
		}
		again := c.Append(nil)
		sameCommand(t, again, c)
		// Append is the smallest: nothing that parses is shorter.
		if len(again) != c.Len() || len(again) > len(b) {
			t.Fatalf("%x: Append %x, Len %d", b, again, c.Len())
		}
	})
}
