package message_test

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	gocoap "github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"havn/coap/block"
	"havn/coap/message"
)

// encode writes a request with the codec of go-coap: a judge of ours.
func encode(typ gocoap.Type, code codes.Code, payload string, opts ...gocoap.Option) []byte {
	m := gocoap.Message{Type: typ, Code: code, MessageID: 0x1234, Token: gocoap.Token("tokn"), Options: opts}
	if payload != "" {
		m.Payload = []byte(payload)
	}
	buf := make([]byte, 4096)
	n, err := coder.DefaultCoder.Encode(m, buf)
	if err != nil {
		panic(err)
	}
	return buf[:n]
}

func opt(n gocoap.OptionID, value string) gocoap.Option {
	return gocoap.Option{ID: n, Value: []byte(value)}
}

// full is a request that has all that a request may have.
func full() []byte {
	return encode(gocoap.Confirmable, codes.POST, "payload",
		opt(gocoap.URIHost, "gw"), opt(gocoap.ETag, "12345678"), opt(gocoap.ETag, "87654321"),
		opt(gocoap.URIPort, "\x16\x33"), opt(gocoap.URIPath, "v1"), opt(gocoap.URIPath, "dfu"),
		opt(gocoap.ContentFormat, "\x3c"), opt(gocoap.URIQuery, "device=d"), opt(gocoap.URIQuery, "ct=30"),
		opt(gocoap.Accept, "\x2a"), opt(gocoap.Block2, "\x36"), opt(gocoap.Block1, "\x06"),
		opt(gocoap.Size2, ""), opt(message.OptionAuthorization, strings.Repeat("x", 300)))
}

func TestParse(t *testing.T) {
	var r message.Request
	if k := r.Parse(full()); k != message.Served || r.Refused != nil {
		t.Fatalf("%v, %v", k, r.Refused)
	}
	var queries []string
	for q := range r.Queries {
		queries = append(queries, string(q))
	}
	if diff := cmp.Diff([]string{"device=d", "ct=30"}, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	if r.Code != codes.POST || string(r.Token) != "tokn" || string(r.Payload) != "payload" || !r.Confirmable() ||
		r.Segments != 2 || string(r.Path[0])+"/"+string(r.Path[1]) != "v1/dfu" ||
		r.Format != message.FormatCBOR || r.Accept != message.FormatOctets || !r.Size2 || len(r.Auth) != 300 ||
		r.Block1 != (message.Block{Value: block.Value{SZX: 6}, Set: true}) ||
		r.Block2 != (message.Block{Value: block.Value{NUM: 3, SZX: 6}, Set: true}) {
		t.Errorf("%+v", r)
	}
	if !r.HasETag([]byte("87654321")) || r.HasETag([]byte("1234567")) {
		t.Error("ETags")
	}
	var least message.Request
	if k := least.Parse(encode(gocoap.NonConfirmable, codes.GET, "")); k != message.Served ||
		least.Format != message.Unset || least.Accept != message.Unset || least.Confirmable() ||
		least.Block2.Set || least.Segments != 0 || least.Payload != nil {
		t.Errorf("%v %+v", k, least)
	}
}

func TestKinds(t *testing.T) {
	for in, want := range map[string]message.Kind{
		"":                                 message.Malformed,
		"\x40\x01\x00":                     message.Malformed, // no whole header
		"\x80\x01\x00\x01":                 message.Malformed, // version 2
		"\x40\x01\x00\x01":                 message.Served,
		"\x50\x01\x00\x01":                 message.Served,
		"\x60\x01\x00\x01":                 message.Ignored, // an ACK
		"\x70\x00\x00\x01":                 message.Ignored, // a Reset
		"\x40\x00\x00\x01":                 message.Ping,
		"\x50\x00\x00\x01":                 message.Ignored,   // an empty NON
		"\x40\x00\x00\x01x":                message.Malformed, // empty, with bytes behind it
		"\x40\x45\x00\x01":                 message.Malformed, // a response
		"\x40\x20\x00\x01":                 message.Malformed, // a reserved class
		"\x49\x01\x00\x01":                 message.Malformed, // a token of 9 bytes
		"\x44\x01\x00\x01abc":              message.Malformed, // a token that is cut
		"\x40\x01\x00\x01\xff":             message.Malformed, // a marker without a payload
		"\x40\x01\x00\x01\xf0":             message.Malformed, // nibble 15
		"\x40\x01\x00\x01\x0f":             message.Malformed,
		"\x40\x01\x00\x01\xe0\xff\xff\x10": message.Malformed, // an option number above 65535
	} {
		var r message.Request
		if got := r.Parse([]byte(in)); got != want {
			t.Errorf("%x: %v, want %v", in, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name   string
		opts   []gocoap.Option
		code   codes.Code
		err    error
		number uint32
	}{
		{"unknown, elective", []gocoap.Option{opt(2000, "x")}, codes.GET, nil, 0},
		{"unknown, critical", []gocoap.Option{opt(2001, "x")}, codes.GET, message.ErrOption, 2001},
		{"the first counts", []gocoap.Option{opt(2001, "x"), opt(2003, "x")}, codes.GET, message.ErrOption, 2001},
		{"If-Match", []gocoap.Option{opt(gocoap.IfMatch, "x")}, codes.GET, message.ErrOption, 1},
		{"Proxy-Uri", []gocoap.Option{opt(gocoap.ProxyURI, "coap://x")}, codes.GET, message.ErrProxy, 0},
		{"empty host", []gocoap.Option{opt(gocoap.URIHost, "")}, codes.GET, message.ErrOption, 3},
		{"long segment", []gocoap.Option{opt(gocoap.URIPath, long(256))}, codes.GET, message.ErrOption, 11},
		{"long ETag, elective", []gocoap.Option{opt(gocoap.ETag, long(9))}, codes.GET, nil, 0},
		{"Accept twice", []gocoap.Option{opt(gocoap.Accept, ""), opt(gocoap.Accept, "")}, codes.GET, message.ErrOption, 17},
		{"Content-Format twice, elective", []gocoap.Option{opt(gocoap.ContentFormat, ""), opt(gocoap.ContentFormat, "")},
			codes.GET, nil, 0},
		{"Block1 of a GET", []gocoap.Option{opt(gocoap.Block1, "")}, codes.GET, message.ErrOption, 27},
		{"SZX 7", []gocoap.Option{opt(gocoap.Block2, "\x07")}, codes.GET, block.ErrReserved, 0},
		{"long Block2", []gocoap.Option{opt(gocoap.Block2, "1234")}, codes.GET, message.ErrOption, 23},
		{"long Authorization", []gocoap.Option{opt(message.OptionAuthorization, long(2201))}, codes.GET,
			message.ErrOption, 4209},
	} {
		var r message.Request
		if k := r.Parse(encode(gocoap.Confirmable, tt.code, "", tt.opts...)); k != message.Served {
			t.Errorf("%s: %v", tt.name, k)
		}
		if !errors.Is(r.Refused, tt.err) || r.Number != tt.number {
			t.Errorf("%s: %v %d, want %v %d", tt.name, r.Refused, r.Number, tt.err, tt.number)
		}
	}
}

// TestEveryPrefix cuts a request at every byte: it is malformed, or shorter by
// whole options.
func TestEveryPrefix(t *testing.T) {
	whole := full()
	served := 0
	for n := range whole {
		var r message.Request
		switch k := r.Parse(whole[:n]); k {
		case message.Malformed:
		case message.Served:
			served++
		default:
			t.Errorf("%d bytes: %v", n, k)
		}
	}
	// The header alone, after each of the 14 options, and within the payload.
	if want := 1 + 14 + len("payload") - 1; served != want {
		t.Errorf("%d prefixes are requests, want %d", served, want)
	}
}

func TestReply(t *testing.T) {
	var to message.Request
	to.Parse(full())
	var ids atomic.Uint32
	r := message.Reply{B: []byte("before")}
	r.Begin(&to, codes.Content, &ids)
	r.ETag([]byte("12345678"))
	r.ContentFormat(message.FormatOctets)
	r.MaxAge(365 * 24 * 3600)
	r.Block2(block.Value{NUM: 4095, M: true, SZX: 6})
	r.Block1(block.Value{SZX: 6})
	r.Size2(1 << 20)
	r.Command([]byte("dfu"))
	room := r.Room()
	r.Payload(bytes.Repeat([]byte("x"), room))
	if len(r.Message()) != message.MaxSize || !bytes.HasPrefix(r.B, []byte("before")) || r.Code() != codes.Content {
		t.Errorf("%d bytes, %v", len(r.Message()), r.Code())
	}
	got := gocoap.Message{Options: make(gocoap.Options, 0, 16)}
	if _, err := coder.DefaultCoder.Decode(r.Message(), &got); err != nil {
		t.Fatal(err)
	}
	want := gocoap.Options{
		opt(gocoap.ETag, "12345678"), opt(gocoap.ContentFormat, "\x2a"), opt(gocoap.MaxAge, "\x01\xe1\x33\x80"),
		opt(gocoap.Block2, "\xff\xfe"), opt(gocoap.Block1, "\x06"), opt(gocoap.Size2, "\x10\x00\x00"),
		opt(message.OptionCommand, "dfu"),
	}
	if diff := cmp.Diff(want, got.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if got.Type != gocoap.Acknowledgement || got.MessageID != 0x1234 || string(got.Token) != "tokn" || len(got.Payload) != room {
		t.Errorf("%v %#x %q, %d bytes", got.Type, got.MessageID, got.Token, len(got.Payload))
	}
	if r.Drop(); string(r.B) != "before" || r.Code() != codes.Empty {
		t.Errorf("%q, %v", r.B, r.Code())
	}
	if r.Take([]byte("whole")); string(r.Message()) != "whole" {
		t.Errorf("%q", r.Message())
	}
	if reset := message.AppendReset(nil, &to); string(reset) != "\x70\x00\x12\x34" {
		t.Errorf("reset %x", reset)
	}
}

func TestNoAllocations(t *testing.T) {
	in, out := full(), make([]byte, 0, message.MaxSize)
	var ids atomic.Uint32
	n := testing.AllocsPerRun(100, func() {
		var req message.Request
		req.Parse(in)
		r := message.Reply{B: out}
		r.Begin(&req, codes.Content, &ids)
		for q := range req.Queries {
			r.ETag(q)
		}
		r.Payload(req.Payload)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse checks what holds for every datagram: parsing changes nothing, reads
// nothing beyond it, and go-coap agrees on what a request is.
func FuzzParse(f *testing.F) {
	f.Add(full())
	f.Add([]byte{0x40, 0, 1, 2})
	f.Add([]byte{0x4f, 1, 1, 2, 0xff})
	f.Add([]byte("\x40\x01\x00\x01\xe0\xff\xff\x10"))
	f.Fuzz(func(t *testing.T, in []byte) {
		given := bytes.Clone(in)
		var r message.Request
		k := r.Parse(in)
		if !bytes.Equal(given, in) {
			t.Error("the datagram was changed")
		}
		if k != message.Served {
			return
		}
		whole := gocoap.Message{Options: make(gocoap.Options, 0, len(in))}
		if _, err := coder.DefaultCoder.Decode(in, &whole); err != nil {
			return // go-coap limits the values of options that it knows
		}
		if !bytes.Equal(r.Token, whole.Token) || !bytes.Equal(r.Payload, whole.Payload) || r.Code != whole.Code {
			t.Errorf("%+v, go-coap: %+v", r, whole)
		}
	})
}
