package coap

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	codec "havn/coap/message"
	"havn/coap/udp"
	"havn/front"
)

// TestRaw has what is no request: it is answered by a Reset or not at all.
func TestRaw(t *testing.T) {
	w := newWorld(t, Chunks{})
	reset, silence := "70001234", ""
	tests := []struct{ name, in, want string }{
		{"nothing", "", silence},
		{"two bytes", "4001", silence},
		{"three bytes", "400112", silence},
		{"ping", "40001234", reset},
		{"empty NON", "50001234", silence},
		{"empty ACK", "60001234", silence},
		{"Reset", "70001234", silence},
		{"ACK with a response", "6145123401ff41", silence},
		{"empty with a token", "4100123401", reset},
		{"empty with a payload", "40001234ff41", reset},
		{"empty NON with a payload", "50001234ff41", silence},
		{"version 0", "00011234", silence},
		{"version 2", "80011234", silence},
		{"version 3", "c0011234", silence},
		{"token of 9", "490112340102030405060708ff", reset},
		{"token of 15", "4f011234", reset},
		{"token of 15, NON", "5f011234", silence},
		{"token cut", "44011234aabb", reset},
		{"class 1", "40201234", reset},
		{"class 1, NON", "50201234", silence},
		{"class 6", "40c01234", reset},
		{"class 7", "40e01234", reset},
		{"a response nobody asked for", "40451234", reset},
		{"a response nobody asked for, NON", "50451234", silence},
		{"marker without payload", "40011234b26677ff", reset},
		{"marker without payload, NON", "50011234b26677ff", silence},
		{"option cut", "40011234b56677", reset},
		{"option delta 15", "40011234f0", reset},
		{"option length 15", "400112340f", reset},
		{"extended delta cut", "40011234d0", reset},
		{"extended delta of 2 cut", "40011234e000", reset},
		{"extended length cut", "400112340d", reset},
		{"option number beyond 65535", "40011234e0ffff" + "e0ffff", reset},
		{"format error behind a bad option", "40011234d15641" + "ff", reset},
	}
	for _, tt := range tests {
		in, err := hex.DecodeString(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(w.handler.Handle(nil, in, peer)); got != tt.want {
			t.Errorf("%s: %s is answered %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// TestPrefixes cuts valid datagrams at every byte. A cut between two options,
// or before the payload, leaves a valid request; any other is a format error.
func TestPrefixes(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, m := range []msg{
		get("/fw/edge/blinky", opt{message.ETag, "12345678"}, block2(3, 2), opt{message.Size2, ""}),
		post("/v1/dfu", statusOf("1"), query("application=edge&device=blinky&ct=30"), basicAuth("a@b:c")),
		post("/v1/state", []byte("21.5"), opt{message.ContentFormat, ""}, query("device=d"), query("ct=30")),
		get("/.well-known/core", query("rt=havn.*")),
		get("/fw/edge/blinky", opt{60000, strings.Repeat("x", 300)}),
	} {
		valid := map[int]bool{codec.HeaderSize + len(m.token): true, len(m.bytes()): true}
		head := m
		head.payload, head.options = nil, nil
		for i := range m.options {
			head.options = m.options[:i+1]
			valid[len(head.bytes())] = true
		}
		payloadAt := len(head.bytes()) + 1
		for n, whole := 0, m.bytes(); n <= len(whole); n++ {
			reply := w.handler.Handle(nil, whole[:n], peer)
			want := "a Reset"
			got := "a response"
			switch {
			case len(reply) == 0:
				got = "silence"
			case reply[0] == 0x70:
				got = "a Reset"
			}
			if valid[n] || (m.payload != nil && n > payloadAt) {
				want = "a response"
			} else if n < codec.HeaderSize {
				want = "silence"
			}
			if got != want {
				t.Errorf("%+v: %d of %d bytes: %s, want %s", m, n, len(whole), got, want)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	w := newWorld(t, Chunks{})
	whole := post("/v1/dfu", make([]byte, 5000), query("device=blinky")).bytes()
	got := read(t, w.handler.Truncated(nil, whole[:udp.MaxDatagram], peer))
	if got.code != codes.RequestEntityTooLarge || got.token != testToken {
		t.Errorf("%+v, want 4.13", got)
	}
	checkDiagnostic(t, got, "2048")
	if reply := w.handler.Truncated(nil, []byte{0x60, 0, 0, 0}, peer); len(reply) != 0 {
		t.Errorf("an ACK is answered: %x", reply)
	}
	if n := w.handler.Counts().Rejected(front.Oversized); n != 2 {
		t.Errorf("%d rejected, want 2", n)
	}
}

// TestIgnored: what was sent to a group is counted, and not answered.
func TestIgnored(t *testing.T) {
	w := newWorld(t, Chunks{})
	w.handler.Ignored(peer)
	if n := w.handler.Counts().Rejected(Multicast); n != 1 || !strings.Contains(w.log.String(), "group address") {
		t.Errorf("%d rejected: %s", n, w.log)
	}
}
