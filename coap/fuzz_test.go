package coap

import (
	"bytes"
	"slices"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	codec "havn/coap/message"
	"havn/front"
	"havn/telemetry"
)

// FuzzHandle checks what holds for every datagram: a reply belongs to it, fits
// a packet, can be read, and is the same when the datagram comes again.
func FuzzHandle(f *testing.F) {
	w := newWorld(f, Chunks{Profiles: []Profile{{Pattern: front.Pattern{Device: "t*"}, BlockSize: 32}}})
	for _, m := range hot(w) {
		if m.code != codes.Empty {
			f.Add(m.bytes())
		}
	}
	for _, m := range []msg{
		post("/v1/sensor", []byte("21.5"), query("device=d")),
		post("/v1/sensor", []byte("{}"), query("application=a&device=d&ct=30"), format(50)).non(),
		post("/v1/a+", nil, query("device=d"), block2(0, 1), opt{message.Block1, "\x06"}),
	} {
		f.Add(m.bytes())
	}
	f.Add([]byte{0x40, 0, 1, 2})
	f.Add([]byte{0x4f, 1, 1, 2, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		w.cloud.commands = []telemetry.Command{{Name: "set", Payload: []byte("on")}, {Name: "again"}}
		given := slices.Clone(in)
		out := w.handler.Handle(nil, in, peer)
		if !bytes.Equal(in, given) {
			t.Error("the datagram was changed")
		}
		if len(out) == 0 {
			return
		}
		if len(out) > codec.MaxSize {
			t.Errorf("a reply of %d bytes", len(out))
		}
		checkReply(t, in, read(t, out))
		again := w.handler.Handle(nil, in, peer)
		if in[0]&0x30 == 0 && !bytes.Equal(out, again) {
			t.Errorf("first %x, then %x", out, again)
		}
	})
}

// checkReply checks that m answers the datagram in.
func checkReply(t *testing.T, in []byte, m msg) {
	t.Helper()
	sameID := m.mid == uint16(in[2])<<8|uint16(in[3])
	switch m.typ {
	case message.Reset:
		if in[0]&0x30 != 0 || !sameID || m.code != codes.Empty || m.token != "" || m.payload != nil {
			t.Errorf("Reset %+v", m)
		}
		return
	case message.Acknowledgement:
		if in[0]&0x30 != 0 || !sameID {
			t.Errorf("ACK %+v", m)
		}
	case message.NonConfirmable:
		if in[0]&0x30 != 0x10 {
			t.Errorf("NON %+v", m)
		}
	default:
		t.Errorf("type %v", m.typ)
	}
	if m.token != string(in[4:4+in[0]&15]) {
		t.Errorf("token %x", m.token)
	}
	if class := m.code >> 5; class != 2 && class != 4 && class != 5 {
		t.Errorf("code %v", m.code)
	}
}
