package coap

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	codec "havn/coap/message"
	"havn/dfu"
	"havn/front"
)

// statusOf is a Status of a device that runs version.
func statusOf(version string) []byte { return dfu.Status{Version: []byte(version)}.Append(nil) }

func basicAuth(userpass string) opt {
	return opt{codec.OptionAuthorization, "Basic " + base64.StdEncoding.EncodeToString([]byte(userpass))}
}

// TestCodes has every response code of the contract.
func TestCodes(t *testing.T) {
	w := newWorld(t, Chunks{})
	blinky, st := "/fw/edge/blinky", statusOf("1")
	who := query("device=blinky")
	digest := w.images["blinky"].Digest.Hex()
	long := strings.Repeat("x", 256)
	tests := []struct {
		name string
		in   msg
		want codes.Code
		text string // of the diagnostic
	}{
		{"image", get(blinky), codes.Content, ""},
		{"image, with host, port and accept", get(blinky, opt{message.URIHost, "gw"},
			opt{message.URIPort, "\x16\x33"}, opt{message.Accept, "\x2a"}), codes.Content, ""},
		{"image, same ETag", get(blinky, opt{message.ETag, etagOf(w.images["blinky"])}), codes.Valid, ""},
		{"image, one of several ETags", get(blinky, opt{message.ETag, "other"},
			opt{message.ETag, etagOf(w.images["blinky"])}, opt{message.ETag, "third"}), codes.Valid, ""},
		{"image, other ETag", get(blinky, opt{message.ETag, "other"}), codes.Content, ""},
		{"image, same ETag, later block", get(blinky, opt{message.ETag, etagOf(w.images["blinky"])},
			block2(1, 6)), codes.Content, ""},
		{"image, not held", get("/fw/edge/slow"), codes.ServiceUnavailable, "not available yet"},
		{"image, nothing desired", get("/fw/edge/unknown"), codes.NotFound, "no such firmware"},
		{"image, broken rule", get("/fw/edge/broken"), codes.ServiceUnavailable, "not usable as firmware"},
		{"image, empty name", get("/fw/edge//"), codes.NotFound, "no such resource"},
		{"image, name not UTF-8", get("/fw/edge/\xff"), codes.BadRequest, "UTF-8"},
		{"image, slash in a name", msg{code: codes.GET, options: []opt{{message.URIPath, "fw"},
			{message.URIPath, "a/b"}, {message.URIPath, "c"}}}, codes.BadRequest, "without /"},
		{"image, other Accept", get(blinky, opt{message.Accept, "\x3c"}), codes.NotAcceptable, "Accept"},
		{"image, POST", post(blinky, nil), codes.MethodNotAllowed, "method"},
		{"image, past the end", get(blinky, block2(5, 6)), codes.BadRequest, "past the end"},
		{"image, right at the end", get("/fw/edge/exact", block2(2, 6)), codes.BadRequest, "past the end"},
		{"image, last NUM", get(blinky, block2(1<<20-1, 6)), codes.BadRequest, "past the end"},
		{"image, SZX 7", get(blinky, opt{message.Block2, "\x07"}), codes.BadRequest, "7 is reserved"},
		{"image, Block2 of 4 bytes", get(blinky, opt{message.Block2, "\x00\x00\x00\x06"}),
			codes.BadOption, "option 23"},
		{"image, Block2 twice", get(blinky, block2(0, 6), block2(0, 6)), codes.BadOption, "option 23"},
		{"image, Block1", get(blinky, opt{message.Block1, "\x06"}), codes.BadOption, "option 27"},
		{"image, too many blocks", get("/fw/edge/huge", block2(0, 0)),
			codes.RequestEntityTooLarge, "smallest block size 32"},
		{"image, just enough blocks", get("/fw/edge/huge", block2(1, 1)), codes.Content, ""},
		{"manifest", get("/fw/edge/blinky/manifest"), codes.Content, ""},
		{"manifest of what is not held", get("/fw/edge/slow/manifest"), codes.Content, ""},
		{"manifest, nothing desired", get("/fw/edge/unknown/manifest"), codes.NotFound, ""},
		{"manifest, Accept 42", get("/fw/edge/blinky/manifest", opt{message.Accept, "\x2a"}),
			codes.NotAcceptable, ""},
		{"blob", get("/blob/sha256/" + digest), codes.Content, ""},
		{"blob, upper case", get("/blob/sha256/" + strings.ToUpper(digest)), codes.Content, ""},
		{"blob, short", get("/blob/" + digest[:16]), codes.Content, ""},
		{"blob, same ETag", get("/blob/"+digest[:16],
			opt{message.ETag, etagOf(w.images["blinky"])}), codes.Valid, ""},
		{"blob, unknown", get("/blob/0123456789abcdef"), codes.NotFound, "no such firmware"},
		{"blob, not held", get("/blob/" + w.images["slow"].Digest.Hex()[:16]),
			codes.ServiceUnavailable, "not available yet"},
		{"blob, 15 digits", get("/blob/" + digest[:15]), codes.NotFound, "hex digits"},
		{"blob, 17 digits", get("/blob/" + digest[:17]), codes.NotFound, "hex digits"},
		{"blob, no digits", get("/blob/0123456789abcdeg"), codes.NotFound, "hex digits"},
		{"discovery", get("/.well-known/core"), codes.Content, ""},
		{"discovery, no filter", get("/.well-known/core", query("rt")), codes.BadRequest, "filter"},
		{"status", post("/v1/dfu", st, who), codes.Content, ""},
		{"status, CBOR", post("/v1/dfu", st, who, opt{message.ContentFormat, "\x3c"}), codes.Content, ""},
		{"status, octets", post("/v1/dfu", st, who, opt{message.ContentFormat, "\x2a"}), codes.Content, ""},
		{"status, text", post("/v1/dfu", st, who, opt{message.ContentFormat, ""}),
			codes.UnsupportedMediaType, "60"},
		{"status, Accept CBOR", post("/v1/dfu", st, who, opt{message.Accept, "\x3c"}), codes.Content, ""},
		{"status, Accept text", post("/v1/dfu", st, who, opt{message.Accept, ""}), codes.NotAcceptable, ""},
		{"status, GET", get("/v1/dfu", who), codes.MethodNotAllowed, ""},
		{"status, empty", post("/v1/dfu", nil, who), codes.BadRequest, "malformed update message"},
		{"status, cut", post("/v1/dfu", st[:len(st)-1], who), codes.BadRequest, "malformed update message"},
		{"status, nobody's", post("/v1/dfu", st), codes.BadRequest, "name the device"},
		{"status, empty name", post("/v1/dfu", st, query("device=")), codes.BadRequest, "names of 1 to 255"},
		{"status, bad escape", post("/v1/dfu", st, query("device=a%2&ct=1")), codes.BadRequest, "names"},
		{"status, credentials in a wrong scheme", post("/v1/dfu", st,
			opt{codec.OptionAuthorization, "Bearer x"}), codes.Unauthorized, "4209"},
		{"status, credentials not base64", post("/v1/dfu", st,
			opt{codec.OptionAuthorization, "Basic ***"}), codes.Unauthorized, "4209"},
		{"status, credentials without a colon", post("/v1/dfu", st,
			opt{codec.OptionAuthorization, "Basic YWJj"}), codes.Unauthorized, "4209"},
		{"status, user too long", post("/v1/dfu", st, basicAuth(long+":")), codes.BadRequest, "names"},
		{"status, option 4209 twice", post("/v1/dfu", st, basicAuth("a:b"), basicAuth("a:b")),
			codes.BadOption, "option 4209"},
		{"status, whole in a Block1", post("/v1/dfu", st, who, opt{message.Block1, "\x06"}), codes.Content, ""},
		{"status, in several Block1", post("/v1/dfu", st, who, opt{message.Block1, "\x0e"}),
			codes.RequestEntityTooLarge, "one datagram"},
		{"status, second block of the answer", post("/v1/dfu", st, who, block2(1, 6)),
			codes.BadRequest, "past the end"},
		{"telemetry", post("/v1/state", st, who), codes.Changed, ""},
		{"telemetry, empty", post("/v1/state", nil, who), codes.Changed, ""},
		{"telemetry, any Accept", post("/v1/state", st, who, opt{message.Accept, "\x32"}), codes.Changed, ""},
		{"telemetry, GET", get("/v1/state", who), codes.MethodNotAllowed, ""},
		{"telemetry, nobody's", post("/v1/state", st), codes.BadRequest, "name the device"},
		{"telemetry, empty channel", msg{code: codes.POST, options: []opt{{message.URIPath, "v1"},
			{message.URIPath, ""}, who}}, codes.BadRequest, "want a channel"},
		{"telemetry, channel not UTF-8", post("/v1/\xff", st, who), codes.BadRequest, "want a channel"},
		{"telemetry, wildcards", post("/v1/a+", st, who), codes.BadRequest, "without / + #"},
		{"telemetry, slash", msg{code: codes.POST, options: []opt{{message.URIPath, "v1"},
			{message.URIPath, "a/b"}, who}}, codes.BadRequest, "without / + #"},
		{"telemetry, no channel", post("/v1", st, who), codes.NotFound, "no such resource"},
		{"telemetry, below a channel", post("/v1/state/x", st, who), codes.NotFound, "no such resource"},
		{"telemetry, JSON that is none", post("/v1/state", []byte("{"), who,
			opt{message.ContentFormat, "\x32"}), codes.NotAcceptable, "JSON"},
		{"telemetry, whole in a Block1", post("/v1/state", st, who, opt{message.Block1, "\x06"}),
			codes.Changed, ""},
		{"telemetry, in several Block1", post("/v1/state", st, who, opt{message.Block1, "\x0e"}),
			codes.RequestEntityTooLarge, "one datagram"},
		{"telemetry, last Block1", post("/v1/state", st, who, opt{message.Block1, "\x16"}),
			codes.RequestEntityTooLarge, "one datagram"},
		{"telemetry, second block of the answer", post("/v1/state", st, who, block2(1, 6)),
			codes.BadRequest, "past the end"},
		{"root", msg{code: codes.GET}, codes.NotFound, "/.well-known/core"},
		{"deep path", get("/fw/edge/blinky/manifest/x"), codes.NotFound, ""},
		{"PUT", msg{code: codes.PUT}, codes.MethodNotAllowed, ""},
		{"method 0.31", msg{code: 31}, codes.MethodNotAllowed, ""},
		{"unknown critical option", get(blinky, opt{99, "x"}), codes.BadOption, "option 99"},
		{"unknown critical option 65535", get(blinky, opt{65535, ""}), codes.BadOption, "option 65535"},
		{"unknown elective options", get(blinky, opt{98, "x"}, opt{65000, "y"}), codes.Content, ""},
		{"Observe, Echo, Request-Tag, No-Response", get(blinky, opt{message.Observe, ""},
			opt{252, "abc"}, opt{292, "tag"}, opt{message.NoResponse, "\x02"}), codes.Content, ""},
		{"If-Match", get(blinky, opt{message.IfMatch, "x"}), codes.BadOption, "option 1"},
		{"If-None-Match", get(blinky, opt{message.IfNoneMatch, ""}), codes.BadOption, "option 5"},
		{"Accept twice", get(blinky, opt{message.Accept, "\x2a"}, opt{message.Accept, "\x2a"}),
			codes.BadOption, "option 17"},
		{"Accept of 3 bytes", get(blinky, opt{message.Accept, "\x00\x00\x2a"}), codes.BadOption, "option 17"},
		{"Uri-Host twice", get(blinky, opt{message.URIHost, "a"}, opt{message.URIHost, "b"}),
			codes.BadOption, "option 3"},
		{"Uri-Path of 256 bytes", get("/fw/edge/" + long), codes.BadOption, "option 11"},
		{"Proxy-Uri", get(blinky, opt{message.ProxyURI, "coap://x/"}), codes.ProxyingNotSupported, "proxy"},
		{"Proxy-Scheme", get(blinky, opt{message.ProxyScheme, "coap"}), codes.ProxyingNotSupported, "proxy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, in := range []msg{tt.in, tt.in.non()} {
				got := w.ask(t, in)
				if got.code != tt.want {
					t.Errorf("%v: code %v %.64q, want %v", in.typ, got.code, got.payload, tt.want)
				}
				if got.code >= codes.BadRequest {
					checkDiagnostic(t, got, tt.text)
				}
			}
		})
	}
}

// checkDiagnostic checks the text of an error: short, and without a format.
func checkDiagnostic(t *testing.T, m msg, want string) {
	t.Helper()
	text := string(m.payload)
	if _, typed := m.option(message.ContentFormat); typed || text == "" || len(text) > maxDiagnostic {
		t.Errorf("diagnostic %q of %d bytes, options %v", text, len(text), m.options)
	}
	if !strings.Contains(text, want) {
		t.Errorf("diagnostic %q does not say %q", text, want)
	}
}

func TestManyOptions(t *testing.T) {
	w := newWorld(t, Chunks{})
	tests := []struct {
		name string
		in   msg
		want codes.Code
	}{
		{"elective", get("/fw/edge/blinky", repeat(1000, opt{2000, "x"})...), codes.Content},
		{"critical", get("/fw/edge/blinky", repeat(1000, opt{2001, "x"})...), codes.BadOption},
		{"path", get("/fw/edge/blinky", repeat(1000, opt{message.URIPath, "x"})...), codes.NotFound},
		{"etags", get("/fw/edge/blinky", repeat(1000, opt{message.ETag, "x"})...), codes.Content},
		{"queries", post("/v1/dfu", statusOf("1"), repeat(1000, query("device=a%41&as=blinky"))...),
			codes.Content},
		{"a payload of 64 KiB", post("/v1/dfu", make([]byte, 65_000), query("device=blinky")),
			codes.BadRequest},
	}
	for _, tt := range tests {
		if got := w.ask(t, tt.in); got.code != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got.code, tt.want)
		}
	}
}

func repeat(n int, o opt) []opt {
	all := make([]opt, n)
	for i := range all {
		all[i] = o
	}
	return all
}

// TestNonIDs checks that replies to NONs have message IDs of their own.
func TestNonIDs(t *testing.T) {
	w := newWorld(t, Chunks{})
	first := w.ask(t, get("/fw/edge/blinky").non())
	second := w.ask(t, get("/fw/edge/blinky").non())
	if second.mid != first.mid+1 {
		t.Errorf("message IDs %d and %d", first.mid, second.mid)
	}
}

// TestAppends checks that Handle leaves what is in dst before the reply.
func TestAppends(t *testing.T) {
	w := newWorld(t, Chunks{})
	in := get("/fw/edge/blinky", block2(1, 2)).bytes()
	want := append([]byte("before"), w.handler.Handle(nil, in, peer)...)
	if got := w.handler.Handle([]byte("before"), in, peer); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := w.handler.Handle([]byte("before"), nil, peer); string(got) != "before" {
		t.Errorf("silence: got %x", got)
	}
}

func TestStatsAndComplaints(t *testing.T) {
	w := newWorld(t, Chunks{})
	for range 3 {
		w.ask(t, get("/fw/edge/blinky", opt{99, ""}))
	}
	w.ask(t, get("/fw/edge/blinky", block2(1, 6)))
	w.handler.Handle(nil, []byte{0x40}, peer)
	s := w.handler.Counts()
	got := map[front.Request]uint64{}
	s.Requests.Each(func(r front.Request, n uint64) { got[r] = n })
	want := map[front.Request]uint64{{Resource: "fw", Code: "2.05"}: 1, {Resource: "fw", Code: "4.02"}: 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if s.Chunks.Load() != 1 || s.ChunkBytes.Load() != 1024 {
		t.Errorf("%d chunks, %d bytes", s.Chunks.Load(), s.ChunkBytes.Load())
	}
	if s.Rejected(BadOption) != 3 || s.Rejected(front.Malformed) != 1 {
		t.Errorf("rejected: %d options, %d malformed", s.Rejected(BadOption), s.Rejected(front.Malformed))
	}
	if n := strings.Count(w.log.String(), "\n"); n != 2 {
		t.Errorf("%d log lines, want one per reason:\n%s", n, w.log)
	}
	for _, want := range []string{"reason=option", "peer=10.1.2.3:40000", "number=99", "reason=malformed"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, w.log)
		}
	}
}
