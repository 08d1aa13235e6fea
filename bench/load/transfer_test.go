package load

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/dfu"
)

// TestTransfersEndAndBeginAgain walks twice through images of all lengths
// around a block.
func TestTransfersEndAndBeginAgain(t *testing.T) {
	for _, size := range []int{1, 63, 64, 65, 200, 256} {
		image := body(size)
		for name, tr := range map[string]Transfer{
			"block": newTestBlock(t, image, 64), "write": newTestWrite(t, image, 64),
		} {
			p := &Peer{ID: 5, mid: 65534}
			for round := range 2 {
				received := 0
				for received < size {
					if int(p.Offset) != received {
						t.Fatalf("%s of %d bytes: at offset %d after %d bytes", name, size, p.Offset, received)
					}
					m := ask(t, tr, p)
					reply := blockReply(m, image)
					if name == "write" {
						reply = writeReply(t, m, image)
					}
					n, err := tr.Check(p, encode(t, reply))
					if err != nil {
						t.Fatalf("%s of %d bytes, round %d: %v", name, size, round, err)
					}
					received += n
					p.mid++
				}
				if p.Offset != 0 {
					t.Fatalf("%s of %d bytes: at offset %d after the last", name, size, p.Offset)
				}
			}
		}
	}
}

func TestBlockRequest(t *testing.T) {
	tr, err := NewBlock([]Resource{
		{Path: []string{"fw", "a", "b"}}, {Path: []string{"fw"}, Query: []string{"x=1"}},
	}, body(4096), 256)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[uint32]string{4: "/fw/a/b ", 5: "/fw x=1"} {
		p := &Peer{ID: id, mid: 0x1234, Offset: 512}
		m := ask(t, tr, p)
		path, _ := m.Options.Path()
		query, _ := m.Options.Queries()
		if got := path + " " + strings.Join(query, "&"); got != want {
			t.Errorf("device %d asks for %q, want %q", id, got, want)
		}
		raw, _ := m.Options.GetBytes(message.Block2)
		v, err := block.Parse(raw)
		if err != nil || v != (block.Value{NUM: 2, SZX: 4}) {
			t.Errorf("Block2 %+v, %v", v, err)
		}
		if m.Type != message.Confirmable || m.Code != codes.GET || m.MessageID != 0x1234 {
			t.Errorf("request %v", m)
		}
	}
}

// TestLyingServerIsCaught changes one thing in a right answer.
func TestLyingServerIsCaught(t *testing.T) {
	image := body(1000)
	const offset = 256
	set := func(m *message.Message, id message.OptionID, value []byte) {
		m.Options = m.Options.Set(message.Option{ID: id, Value: value})
	}
	block2 := func(v block.Value) func(*message.Message) {
		return func(m *message.Message) { set(m, message.Block2, v.Append(nil)) }
	}
	right := block.Value{NUM: 2, M: true, SZX: 3}
	for name, lie := range map[string]func(*message.Message){
		"code":            func(m *message.Message) { m.Code = codes.Valid },
		"error":           func(m *message.Message) { m.Code = codes.ServiceUnavailable },
		"type":            func(m *message.Message) { m.Type = message.NonConfirmable },
		"token length":    func(m *message.Message) { m.Token = append(slices.Clone(m.Token), 1) },
		"NUM":             block2(block.Value{NUM: 3, M: true, SZX: 3}),
		"M":               block2(block.Value{NUM: 2, SZX: 3}),
		"SZX":             block2(block.Value{NUM: 4, M: true, SZX: 2}),
		"Block2 missing":  func(m *message.Message) { m.Options = m.Options.Remove(message.Block2) },
		"Block2 too long": func(m *message.Message) { set(m, message.Block2, []byte{0, 0, 0, 0x2b}) },
		"ETag changed":    func(m *message.Message) { set(m, message.ETag, []byte("version2")) },
		"ETag shorter":    func(m *message.Message) { set(m, message.ETag, etag[:7]) },
		"ETag missing":    func(m *message.Message) { m.Options = m.Options.Remove(message.ETag) },
		"critical option": func(m *message.Message) { *m = with(*m, 4097, nil) },
		"first byte":      func(m *message.Message) { m.Payload[0] ^= 1 },
		"last byte":       func(m *message.Message) { m.Payload[127] ^= 0x80 },
		"byte missing":    func(m *message.Message) { m.Payload = m.Payload[:127] },
		"byte too many":   func(m *message.Message) { m.Payload = append(m.Payload, 0) },
		"no payload":      func(m *message.Message) { m.Payload = nil },
	} {
		tr := newTestBlock(t, image, 128)
		p := &Peer{ID: 1, Offset: offset, tag: uint8(len(etag)), etag: [8]byte(etag)}
		reply := blockReply(ask(t, tr, p), image)
		reply.Payload = slices.Clone(reply.Payload)
		lie(&reply)
		if _, err := tr.Check(p, encode(t, reply)); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
		if p.Offset != offset {
			t.Errorf("%s: the device went on to %d", name, p.Offset)
		}
	}
	if v := newTestBlock(t, image, 128).want(&Peer{Offset: offset}); v != right {
		t.Errorf("the right block is %+v", v)
	}
}

func TestLyingWriterIsCaught(t *testing.T) {
	image := body(1000)
	const offset = 256
	command := func(change func(*dfu.Command)) func(*message.Message) {
		return func(m *message.Message) {
			cmd, _ := dfu.ParseCommand(m.Payload)
			cmd.Data = slices.Clone(cmd.Data)
			change(&cmd)
			m.Payload = cmd.Append(nil)
		}
	}
	for name, lie := range map[string]func(*message.Message){
		"op":             command(func(c *dfu.Command) { c.Op = dfu.OpWait }),
		"version":        command(func(c *dfu.Command) { c.Version = []byte("2.1") }),
		"correlation ID": command(func(c *dfu.Command) { c.CorrelationID.Value++ }),
		"no correlation": command(func(c *dfu.Command) { c.CorrelationID = dfu.Optional{} }),
		"offset":         command(func(c *dfu.Command) { c.Offset++ }),
		"byte":           command(func(c *dfu.Command) { c.Data[5] ^= 1 }),
		"no data":        command(func(c *dfu.Command) { c.Data = nil }),
		"above the MTU":  command(func(c *dfu.Command) { c.Data = image[offset : offset+129] }),
		"not CBOR":       func(m *message.Message) { m.Payload = []byte{0xff} },
		"not marked":     func(m *message.Message) { m.Options = m.Options.Remove(optionCommand) },
		"no format": func(m *message.Message) {
			m.Options = m.Options.Remove(message.ContentFormat)
		},
	} {
		tr := newTestWrite(t, image, 128)
		p := &Peer{ID: 1, Offset: offset}
		reply := writeReply(t, ask(t, tr, p), image)
		lie(&reply)
		if _, err := tr.Check(p, encode(t, reply)); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
}

func TestEveryPrefixFails(t *testing.T) {
	image := body(1000)
	for name, tr := range map[string]Transfer{
		"block": newTestBlock(t, image, 128), "write": newTestWrite(t, image, 128),
	} {
		p := &Peer{ID: 1, Offset: 128, tag: uint8(len(etag)), etag: [8]byte(etag)}
		m := ask(t, tr, p)
		reply := encode(t, blockReply(m, image))
		if name == "write" {
			reply = encode(t, writeReply(t, m, image))
		}
		for n := range reply {
			if _, err := tr.Check(p, reply[:n]); !errors.Is(err, ErrWrong) {
				t.Fatalf("%s: the first %d of %d bytes: %v, want ErrWrong", name, n, len(reply), err)
			}
		}
		if _, err := tr.Check(p, reply); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExchangeDoesNotAllocate(t *testing.T) {
	image := body(4096)
	for name, tr := range map[string]Transfer{
		"block": newTestBlock(t, image, 1024), "write": newTestWrite(t, image, 1024),
	} {
		p := &Peer{ID: 1, Offset: 1024, tag: uint8(len(etag)), etag: [8]byte(etag)}
		m := ask(t, tr, p)
		reply := encode(t, blockReply(m, image))
		if name == "write" {
			reply = encode(t, writeReply(t, m, image))
		}
		buf := make([]byte, maxDatagram)
		allocs := testing.AllocsPerRun(100, func() {
			p.Offset = 1024
			tr.AppendRequest(p.appendHead(buf[:0]), p)
			if _, err := tr.Check(p, reply); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations per exchange, want none", name, allocs)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, make := range map[string]func() error{
		"block size": func() error { _, err := NewBlock(fw, body(10), 100); return err },
		"no body":    func() error { _, err := NewBlock(fw, nil, 64); return err },
		"no path":    func() error { _, err := NewBlock([]Resource{{}}, body(10), 64); return err },
		"too long":   func() error { _, err := NewBlock(fw, body(17<<20), 16); return err },
		"MTU":        func() error { _, err := NewWrite(nil, "1", body(10), 0); return err },
	} {
		if make() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
