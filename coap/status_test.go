package coap

import (
	"bytes"
	"cmp"
	"errors"
	"net/url"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	codec "havn/coap/message"
	"havn/dfu"
	"havn/front"
	"havn/identity"
	"havn/identity/identitytest"
)

// report posts a Status and returns the Command.
func (w *world) report(t *testing.T, st dfu.Status, more ...opt) dfu.Command {
	t.Helper()
	m := w.ask(t, post("/v1/dfu", st.Append(nil), more...))
	if m.code != codes.Content {
		t.Fatalf("%v %q", m.code, m.payload)
	}
	format, _ := m.option(message.ContentFormat)
	if name, _ := m.option(codec.OptionCommand); name != "dfu" || format != "\x3c" {
		t.Fatalf("option 4210 %q, Content-Format %x", name, format)
	}
	cmd, err := dfu.ParseCommand(m.payload)
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestUpdate goes from the first Status to Sync.
func TestUpdate(t *testing.T) {
	w := newWorld(t, Chunks{})
	img := w.images["blinky"]
	who := query("device=blinky")
	st := dfu.Status{Version: []byte("1")}
	var got []byte
	for {
		cmd := w.report(t, st, who)
		if cmd.Op == dfu.OpSwap {
			if !bytes.Equal(cmd.Checksum, img.Digest[:]) {
				t.Errorf("checksum %x", cmd.Checksum)
			}
			break
		}
		if cmd.Op != dfu.OpWrite || int(cmd.Offset) != len(got) || len(cmd.Data) == 0 {
			t.Fatalf("at %d: %v at %d, %d bytes", len(got), cmd.Op, cmd.Offset, len(cmd.Data))
		}
		got = append(got, cmd.Data...)
		st.Updating, st.Update = true, dfu.Progress{Version: cmd.Version, Offset: uint32(len(got))}
	}
	if !bytes.Equal(got, img.Bytes()) {
		t.Error("wrong bytes")
	}
	if cmd := w.report(t, dfu.Status{Version: []byte("2-blinky")}, who); cmd.Op != dfu.OpSync {
		t.Errorf("after the swap: %v", cmd.Op)
	}
	if n := w.handler.Counts().ChunkBytes.Load(); int(n) != len(got) {
		t.Errorf("%d bytes counted, want %d", n, len(got))
	}
}

func TestChunkLimits(t *testing.T) {
	w := newWorld(t, Chunks{WriteSize: 512, Align: 8, Profiles: []Profile{
		{Pattern: front.Pattern{Device: "exact"}, WriteSize: 100},
	}})
	tests := []struct {
		name string
		st   dfu.Status
		more []opt
		want int // bytes of data; 0 = Wait
	}{
		{"configured", dfu.Status{}, []opt{query("device=blinky")}, 512},
		{"mtu", dfu.Status{MTU: 70}, []opt{query("device=blinky")}, 64},
		{"profile", dfu.Status{}, []opt{query("device=exact")}, 96},
		{"one block", dfu.Status{}, []opt{query("device=blinky"), block2(0, 4)}, 240},
		{"largest block", dfu.Status{}, []opt{query("device=blinky"), block2(0, 6)}, 512},
		{"block too small for the swap", dfu.Status{}, []opt{query("device=blinky"), block2(0, 1)}, 0},
	}
	for _, tt := range tests {
		tt.st.Version = []byte("1")
		if cmd := w.report(t, tt.st, tt.more...); len(cmd.Data) != tt.want {
			t.Errorf("%s: %v with %d bytes, want %d", tt.name, cmd.Op, len(cmd.Data), tt.want)
		}
	}
}

// TestLargestAnswer checks that the largest Write fits a datagram, with the
// longest token and a Block1.
func TestLargestAnswer(t *testing.T) {
	w := newWorld(t, Chunks{})
	in := post("/v1/dfu", statusOf("1"), query("device=blinky"), opt{message.Block1, "\x06"})
	m := w.ask(t, in.with("12345678"))
	cmd, err := dfu.ParseCommand(m.payload)
	if err != nil || len(cmd.Data) != 1024 {
		t.Errorf("%d bytes of data, %v", len(cmd.Data), err)
	}
	if v, _ := m.option(message.Block1); v != string(block.Value{SZX: 6}.Append(nil)) {
		t.Errorf("Block1 %x", v)
	}
}

// TestShapes: this front has an application of its own. What a query says comes in
// one option or in several.
func TestShapes(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, s := range identitytest.Shapes {
		var several []opt
		values, _ := url.ParseQuery(s.Query)
		for key, all := range values {
			several = append(several, query(key+"="+all[0]))
		}
		for _, opts := range [][]opt{{query("x&" + s.Query)}, several} {
			if s.User != "" {
				opts = append(opts, basicAuth(s.User+":p:w"))
			}
			x := exchange{h: w.handler}
			if k := x.req.Parse(post("/v1/dfu", []byte{0}, opts...).bytes()); k != codec.Served {
				t.Fatalf("%s: %v", s.Name, k)
			}
			if errors.Is(x.req.Refused, codec.ErrOption) {
				continue // a Uri-Query of more than 255 bytes
			}
			var claim identity.Claim
			got, err := x.identify(&claim)
			if !errors.Is(err, s.Err) {
				t.Errorf("%s: %v, want %v", s.Name, err, s.Err)
			}
			application := cmp.Or(s.Application, "edge")
			if err == nil && (string(got.Application) != application || string(got.Name) != s.Device) {
				t.Errorf("%s: %q@%q, want %q@%q", s.Name, got.Name, got.Application, s.Device, application)
			}
		}
	}
}

func TestNoIdentity(t *testing.T) {
	w := newWorld(t, Chunks{})
	for name, tt := range map[string]struct {
		opts []opt
		code codes.Code
		text string
	}{
		"nothing":           {nil, codes.BadRequest, identity.ErrNoDevice.Error()},
		"application alone": {[]opt{query("application=a")}, codes.BadRequest, identity.ErrNoDevice.Error()},
		"lower-case scheme": {[]opt{{codec.OptionAuthorization, "basic ZDpw"}}, codes.Unauthorized, errCredentials.Error()},
		"no padding":        {[]opt{{codec.OptionAuthorization, "Basic ZDpwYQ"}}, codes.Unauthorized, errCredentials.Error()},
	} {
		got := w.ask(t, post("/v1/dfu", statusOf("1"), tt.opts...))
		if got.code != tt.code || string(got.payload) != tt.text {
			t.Errorf("%s: %v %q, want %v %q", name, got.code, got.payload, tt.code, tt.text)
		}
	}
}
