package coap

import (
	"bytes"
	"strings"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/dfu"
)

// report posts a Status and returns the Command.
func (w *world) report(t *testing.T, st dfu.Status, more ...opt) dfu.Command {
	t.Helper()
	m := w.ask(t, post("/v1/dfu", st.Append(nil), more...))
	if m.code != codes.Content {
		t.Fatalf("%v %q", m.code, m.payload)
	}
	format, _ := m.option(message.ContentFormat)
	if name, _ := m.option(optionCommand); name != "dfu" || format != "\x3c" {
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
		{Device: "exact", WriteSize: 100},
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

func TestIdentity(t *testing.T) {
	long := strings.Repeat("d", maxName)
	tests := []struct {
		name string
		opts []opt
		want string // APPLICATION/DEVICE, or the error
	}{
		{"device", []opt{query("device=d")}, "site/d"},
		{"both", []opt{query("application=a"), query("device=d")}, "a/d"},
		{"form", []opt{query("application=a&device=d&ct=30")}, "a/d"},
		{"form, encoded", []opt{query("application=a%2Bb&device=my+dev%c3%a9")}, "a+b/my devé"},
		{"option, not encoded", []opt{query("device=my+dev%2B")}, "site/my+dev%2B"},
		{"equals in a value", []opt{query("device=a=b")}, "site/a=b"},
		{"other keys", []opt{query("ct=30"), query("data_schema=x"), query("x"), query("device=d")}, "site/d"},
		{"as", []opt{query("application=a&device=gw&as=d")}, "a/d"},
		{"as alone", []opt{query("as=d")}, "site/d"},
		{"user", []opt{basicAuth("d:pass")}, "site/d"},
		{"user@application", []opt{basicAuth("d@a:pass")}, "a/d"},
		{"user@application, encoded", []opt{basicAuth("d%40x+y@a%40b:pass")}, "a%40b/d@x+y"},
		{"first @, first colon", []opt{basicAuth("d@a@b:p:w")}, "a@b/d"},
		{"application, user", []opt{query("application=a"), basicAuth("d@b:pass")}, "a/d@b"},
		{"device, user@application", []opt{query("device=d"), basicAuth("u@b:pass")}, "b/d"},
		{"device, user", []opt{query("device=d"), basicAuth("u:pass")}, "site/d"},
		{"both, user@application", []opt{query("application=a&device=d"), basicAuth("u@b:")}, "a/d"},
		{"as, user@application", []opt{query("as=d"), basicAuth("gw@b:pass")}, "b/d"},
		{"255 bytes", []opt{basicAuth(long + "@a:")}, "a/" + long},
		{"256 bytes", []opt{basicAuth(long + "d@a:")}, errName.Error()},
		{"application of 256 bytes", []opt{basicAuth("d@" + long + "a:")}, errName.Error()},
		{"slash", []opt{query("device=a/b")}, errName.Error()},
		{"slash, encoded", []opt{query("device=a%2Fb&ct=1")}, errName.Error()},
		{"empty", []opt{query("device=")}, errName.Error()},
		{"empty application", []opt{query("application="), query("device=d")}, errName.Error()},
		{"empty as", []opt{query("device=d&as=")}, errName.Error()},
		{"not UTF-8", []opt{query("device=\xff")}, errName.Error()},
		{"broken escape", []opt{query("device=%4&ct=1")}, errName.Error()},
		{"broken escape in user", []opt{basicAuth("%zz@a:")}, errName.Error()},
		{"nothing", nil, errIdentity.Error()},
		{"application alone", []opt{query("application=a")}, errIdentity.Error()},
		{"lower-case scheme", []opt{{optionAuthorization, "basic ZDpw"}}, errCredentials.Error()},
		{"no padding", []opt{{optionAuthorization, "Basic ZDpwYQ"}}, errCredentials.Error()},
	}
	for _, tt := range tests {
		var r request
		if k := r.parse(post("/v1/dfu", []byte{0}, tt.opts...).bytes()); k != served || r.refused != nil {
			t.Fatalf("%s: %v, %v", tt.name, k, r.refused)
		}
		var id identity
		got := ""
		if err := id.read(&r, []byte("site")); err != nil {
			got = err.Error()
		} else {
			got = string(id.application.bytes()) + "/" + string(id.device.bytes())
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
