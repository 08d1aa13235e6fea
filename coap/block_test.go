package coap

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/coap/udp"
	"havn/front"
)

// fetch gets path block by block, and checks what every block must carry.
func (w *world) fetch(t *testing.T, path, etag string, szx block.SZX) []byte {
	t.Helper()
	var body []byte
	for num := uint32(0); ; num++ {
		m := w.ask(t, get(path, block2(num, szx)))
		v := blockOf(t, m)
		if got, _ := m.option(message.ETag); m.code != codes.Content || got != etag {
			t.Fatalf("block %d: %v, ETag %x, want %x", num, m.code, got, etag)
		}
		if v.NUM != num || v.SZX != szx {
			t.Fatalf("block %d of 2^%d: got %+v", num, szx+4, v)
		}
		if v.M && len(m.payload) != szx.Size() {
			t.Fatalf("block %d: %d bytes", num, len(m.payload))
		}
		if _, sized := m.option(message.Size2); sized != (num == 0) {
			t.Fatalf("block %d: Size2 is %t", num, sized)
		}
		if body = append(body, m.payload...); !v.M {
			return body
		}
	}
}

func TestTransfers(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, name := range []string{"blinky", "exact", "tiny"} {
		img := w.images[name]
		for szx := block.MinSZX; szx <= block.MaxSZX; szx++ {
			for _, path := range []string{"/fw/edge/" + name, "/blob/sha256/" + img.Digest.Hex()} {
				if got := w.fetch(t, path, etagOf(img), szx); !bytes.Equal(got, img.Bytes()) {
					t.Errorf("%s in blocks of %d: wrong bytes", path, szx.Size())
				}
			}
		}
	}
}

// TestFirstBlock is the whole first answer of a transfer, in hex.
func TestFirstBlock(t *testing.T) {
	w := newWorld(t, Chunks{})
	img := w.images["blinky"]
	want := "64" + "45" + "1234" + "746f6b6e" + // ACK, 2.05, message ID, token
		"48" + hex.EncodeToString(img.Digest.ETag()) + // ETag
		"812a" + // Content-Format 42
		"b108" + // Block2 0/1/16
		"521388" + // Size2 5000
		"ff" + hex.EncodeToString(img.Bytes()[:16])
	got := w.handler.Handle(nil, get("/fw/edge/blinky", block2(0, 0)).bytes(), peer)
	if diff := cmp.Diff(want, hex.EncodeToString(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNegotiation(t *testing.T) {
	w := newWorld(t, Chunks{BlockSize: 256})
	tests := []struct {
		name   string
		in     msg
		want   block.Value
		offset int
		size2  bool
	}{
		{"late", get("/fw/edge/blinky"), block.Value{M: true, SZX: 4}, 0, true},
		{"smaller", get("/fw/edge/blinky", block2(0, 2)), block.Value{M: true, SZX: 2}, 0, true},
		{"larger", get("/fw/edge/blinky", block2(0, 6)), block.Value{M: true, SZX: 4}, 0, true},
		{"larger, in mid transfer", get("/fw/edge/blinky", block2(2, 6)),
			block.Value{NUM: 8, M: true, SZX: 4}, 2048, false},
		{"lowered in mid transfer", get("/fw/edge/blinky", block2(32, 2)),
			block.Value{NUM: 32, M: true, SZX: 2}, 2048, false},
		{"M is set in the request", get("/fw/edge/blinky", opt{message.Block2, "\x1a"}),
			block.Value{NUM: 1, M: true, SZX: 2}, 64, false},
		{"Size2 asked for", get("/fw/edge/blinky", block2(1, 2), opt{message.Size2, ""}),
			block.Value{NUM: 1, M: true, SZX: 2}, 64, true},
		{"last", get("/fw/edge/blinky", block2(19, 4)), block.Value{NUM: 19, SZX: 4}, 4864, false},
	}
	for _, tt := range tests {
		m := w.ask(t, tt.in)
		if diff := cmp.Diff(tt.want, blockOf(t, m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		part := w.images["blinky"].Bytes()[tt.offset:]
		if part = part[:min(len(part), tt.want.SZX.Size())]; !bytes.Equal(m.payload, part) {
			t.Errorf("%s: wrong bytes", tt.name)
		}
		if _, ok := m.option(message.Size2); ok != tt.size2 {
			t.Errorf("%s: Size2 is %t, want %t", tt.name, ok, tt.size2)
		}
	}
	whole := w.ask(t, get("/fw/edge/tiny"))
	if _, ok := whole.option(message.Block2); ok || len(whole.payload) != 10 {
		t.Errorf("a body of one block, not asked for in blocks: %+v", whole)
	}
}

// TestProbes has the cases in which servers in the field go wrong; each one
// starts in the middle of a transfer.
func TestProbes(t *testing.T) {
	w := newWorld(t, Chunks{})
	img := w.images["blinky"]
	path := "/fw/edge/blinky"
	for num := range uint32(3) {
		w.ask(t, get(path, block2(num, 6)))
	}
	tests := []struct {
		name   string
		in     msg
		want   codes.Code
		offset int
		length int
	}{
		{"empty token, later block", get(path, block2(3, 6)).with(""), codes.Content, 3072, 1024},
		{"fresh token", get(path, block2(3, 6)).with("fresh"), codes.Content, 3072, 1024},
		{"token of 8", get(path, block2(3, 6)).with("12345678"), codes.Content, 3072, 1024},
		{"same message ID, same block", get(path, block2(2, 6)), codes.Content, 2048, 1024},
		{"same message ID, other token and block", get(path, block2(0, 6)).with("new"), codes.Content, 0, 1024},
		{"restart with the same token, no Block2", get(path), codes.Content, 0, 1024},
		{"random access", get(path, block2(300, 0)), codes.Content, 4800, 16},
		{"backwards", get(path, block2(1, 6)), codes.Content, 1024, 1024},
		{"last block", get(path, block2(4, 6)), codes.Content, 4096, 904},
		{"another size in mid transfer", get(path, block2(12, 4)), codes.Content, 3072, 256},
		{"NON", get(path, block2(3, 6)).non(), codes.Content, 3072, 1024},
		{"NUM past the end", get(path, block2(5, 6)), codes.BadRequest, 0, 0},
		{"largest NUM", get(path, block2(block.MaxNUM, 6)), codes.BadRequest, 0, 0},
		{"SZX 7", get(path, opt{message.Block2, "\x0f"}), codes.BadRequest, 0, 0},
		{"Q-Block2", get(path, opt{31, "\x06"}), codes.BadOption, 0, 0},
		{"Block2 twice", get(path, block2(0, 6), block2(1, 6)), codes.BadOption, 0, 0},
		{"unknown critical option", get(path, opt{99, ""}), codes.BadOption, 0, 0},
		{"unknown critical option, NON", get(path, opt{99, ""}).non(), codes.BadOption, 0, 0},
		{"ETag of what is served", get(path, opt{message.ETag, etagOf(img)}), codes.Valid, 0, 0},
		{"ETag of another image", get(path, opt{message.ETag, "12345678"}), codes.Content, 0, 1024},
		{"discovery", get("/.well-known/core"), codes.Content, -1, 0},
	}
	for _, tt := range tests {
		m := w.ask(t, tt.in)
		if m.code != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, m.code, tt.want)
		}
		if tt.want != codes.Content || tt.offset < 0 {
			continue
		}
		if !bytes.Equal(m.payload, img.Bytes()[tt.offset:tt.offset+tt.length]) {
			t.Errorf("%s: wrong bytes, %d of them", tt.name, len(m.payload))
		}
	}
	for name, ping := range map[string]string{"ping": "40001234", "reserved class": "40201234"} {
		raw, _ := hex.DecodeString(ping)
		if got := w.handler.Handle(nil, raw, peer); hex.EncodeToString(got) != "70001234" {
			t.Errorf("%s: %x, want a Reset", name, got)
		}
	}
}

func TestMaxAge(t *testing.T) {
	w := newWorld(t, Chunks{})
	blob := "/blob/" + w.images["blinky"].Digest.Hex()[:16]
	for path, want := range map[string]string{
		"/fw/edge/slow":    "\x05", // 4.5 s, rounded up
		blob:               "\x01\xe1\x33\x80",
		"/fw/edge/blinky":  "",
		"/fw/edge/unknown": "",
	} {
		if got, _ := w.ask(t, get(path)).option(message.MaxAge); got != want {
			t.Errorf("%s: Max-Age %x, want %x", path, got, want)
		}
	}
	valid := w.ask(t, get(blob, opt{message.ETag, etagOf(w.images["blinky"])}))
	if got, _ := valid.option(message.MaxAge); valid.code != codes.Valid || got == "" {
		t.Errorf("2.03 of a blob: %+v", valid)
	}
}

func TestProfiles(t *testing.T) {
	mesh := netip.MustParsePrefix("fd00:abcd::/64")
	w := newWorld(t, Chunks{BlockSize: 512, Profiles: []Profile{
		{Pattern: front.Pattern{Subnet: mesh}, BlockSize: 64},
		{Pattern: front.Pattern{Application: "ed*", Device: "tin*"}, BlockSize: 16},
		{Pattern: front.Pattern{Device: "exact"}},
		{Pattern: front.Pattern{Subnet: netip.MustParsePrefix("10.0.0.0/8")}, BlockSize: 128, WriteSize: 100},
	}})
	tests := []struct {
		name, addr, path string
		want             int
	}{
		{"by subnet", "[fd00:abcd::7]:1", "/fw/edge/blinky", 64},
		{"by subnet, with a zone", "[fd00:abcd::7%eth0]:1", "/fw/edge/blinky", 64},
		{"other subnet", "[fd00:abce::7]:1", "/fw/edge/blinky", 512},
		{"by names", "192.0.2.1:1", "/fw/edge/tiny", 10},
		{"the first match", "10.1.1.1:1", "/fw/edge/exact", 512},
		{"a mapped address", "[::ffff:10.1.1.1]:1", "/fw/edge/blinky", 128},
		{"a blob has no device", "192.0.2.1:1", "/blob/" + w.images["exact"].Digest.Hex()[:16], 512},
	}
	for _, tt := range tests {
		raw := w.handler.Handle(nil, get(tt.path).bytes(), udp.Peer{Addr: netip.MustParseAddrPort(tt.addr), Received: now})
		if got := len(read(t, raw).payload); got != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.name, got, tt.want)
		}
	}
	if err := w.handler.SetChunks(Chunks{BlockSize: 32}); err != nil {
		t.Fatal(err)
	}
	m := w.ask(t, get("/fw/edge/blinky", block2(2, 6)))
	if v := blockOf(t, m); v.NUM != 64 || v.SZX != 1 {
		t.Errorf("after SetChunks, in mid transfer: %+v", v)
	}
	if err := w.handler.SetChunks(Chunks{BlockSize: 33}); err == nil {
		t.Error("block_size 33 is accepted")
	}
	if v := blockOf(t, w.ask(t, get("/fw/edge/blinky"))); v.SZX != 1 {
		t.Errorf("a refused change took effect: %+v", v)
	}
}
