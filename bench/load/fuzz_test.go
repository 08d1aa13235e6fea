package load

import (
	"bytes"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/udp/coder"
)

// FuzzReply compares what is read of a datagram with what the library reads.
func FuzzReply(f *testing.F) {
	image := body(1000)
	for _, offset := range []uint32{0, 128, 896} {
		p := &Peer{ID: 1, Offset: offset}
		f.Add(encode(f, blockReply(ask(f, newTestBlock(f, image, 128), p), image)))
		f.Add(encode(f, writeReply(f, ask(f, newTestWrite(f, image, 128), p), image)))
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var r reply
		if r.parse(datagram) != nil {
			return
		}
		m := message.Message{Options: make(message.Options, 0, 1024)}
		if _, err := coder.DefaultCoder.Decode(datagram, &m); err != nil {
			return // it has limits of its own
		}
		if !bytes.Equal(m.Payload, r.payload) {
			t.Errorf("payload %x, want %x", r.payload, m.Payload)
		}
		if m.Code != r.code || m.Type != message.Acknowledgement {
			t.Errorf("code %v of a %v, want %v", r.code, m.Type, m.Code)
		}
		if n := countOf(m.Options, message.ETag); n == 1 {
			if want, _ := m.Options.GetBytes(message.ETag); !bytes.Equal(want, r.etag) {
				t.Errorf("ETag %x, want %x", r.etag, want)
			}
		}
	})
}

func countOf(options message.Options, id message.OptionID) (n int) {
	for _, o := range options {
		if o.ID == id {
			n++
		}
	}
	return n
}
