package coap

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/dfu"
)

func TestManifest(t *testing.T) {
	w := newWorld(t, Chunks{})
	img := w.images["tiny"]
	want := "a4" + text("version") + "46" + hex.EncodeToString([]byte("2-tiny")) +
		text("size") + "0a" + text("digest") + "5820" + img.Digest.Hex() +
		text("path") + "76" + hex.EncodeToString([]byte("/blob/"+img.Digest.Hex()[:16]))
	m := w.ask(t, get("/fw/edge/tiny/manifest"))
	if got := hex.EncodeToString(m.payload); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	etag, _ := m.option(message.ETag)
	if again := w.ask(t, get("/fw/edge/tiny/manifest", opt{message.ETag, etag})); again.code != codes.Valid {
		t.Errorf("same ETag: %v", again.code)
	}
	if got := w.fetch(t, "/fw/edge/tiny/manifest", etag, 1); !bytes.Equal(got, m.payload) {
		t.Errorf("in blocks: %x", got)
	}
}

// text is a short CBOR text string in hex.
func text(s string) string {
	return hex.EncodeToString(append([]byte{0x60 | byte(len(s))}, s...))
}

func TestManifestReportsVersion(t *testing.T) {
	w := newWorld(t, Chunks{})
	w.ask(t, get("/fw/edge/tiny/manifest", query("x=y"), query("version=0.9&beta")))
	v, err := w.engine.Device(dfu.Device{Application: "edge", Name: "tiny"})
	if err != nil || v.Current != "0.9&beta" {
		t.Errorf("current version %q, %v", v.Current, err)
	}
}
