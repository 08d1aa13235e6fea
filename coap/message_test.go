package coap

import (
	"slices"
	"strings"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"havn/coap/block"
	"havn/firmware"
)

// msg is a message, written and read by the codec of go-coap: a judge of ours.
type msg struct {
	typ     message.Type
	code    codes.Code
	mid     uint16
	token   string
	options []opt
	payload []byte
}

type opt struct {
	number message.OptionID
	value  string
}

const testToken = "tokn"

// get returns a CON GET of path, whose options are sorted in.
func get(path string, more ...opt) msg { return newRequest(codes.GET, path, nil, more...) }

func post(path string, payload []byte, more ...opt) msg {
	return newRequest(codes.POST, path, payload, more...)
}

func newRequest(code codes.Code, path string, payload []byte, more ...opt) msg {
	m := msg{code: code, mid: 0x1234, token: testToken, payload: payload}
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		m.options = append(m.options, opt{message.URIPath, segment})
	}
	m.options = append(m.options, more...)
	slices.SortStableFunc(m.options, func(a, b opt) int { return int(a.number) - int(b.number) })
	return m
}

func (m msg) non() msg {
	m.typ = message.NonConfirmable
	return m
}

func (m msg) with(token string) msg {
	m.token = token
	return m
}

func (m msg) bytes() []byte {
	gm := message.Message{Type: m.typ, Code: m.code, MessageID: int32(m.mid),
		Token: message.Token(m.token), Payload: m.payload}
	for _, o := range m.options {
		gm.Options = append(gm.Options, message.Option{ID: o.number, Value: []byte(o.value)})
	}
	buf := make([]byte, 70_000)
	n, err := coder.DefaultCoder.Encode(gm, buf)
	if err != nil {
		panic(err)
	}
	return buf[:n]
}

// read decodes a reply.
func read(t testing.TB, b []byte) msg {
	t.Helper()
	gm := message.Message{Options: make(message.Options, 0, 16)}
	if _, err := coder.DefaultCoder.Decode(b, &gm); err != nil {
		t.Fatalf("reply %x: %v", b, err)
	}
	m := msg{typ: gm.Type, code: gm.Code, mid: uint16(gm.MessageID),
		token: string(gm.Token), payload: gm.Payload}
	for _, o := range gm.Options {
		m.options = append(m.options, opt{o.ID, string(o.Value)})
	}
	return m
}

// option returns the value of an option, and whether m has it.
func (m msg) option(n message.OptionID) (string, bool) {
	for _, o := range m.options {
		if o.number == n {
			return o.value, true
		}
	}
	return "", false
}

// blockOf returns the Block2 of m.
func blockOf(t testing.TB, m msg) block.Value {
	t.Helper()
	raw, ok := m.option(message.Block2)
	v, err := block.Parse([]byte(raw))
	if !ok || err != nil {
		t.Fatalf("%+v: no Block2: %v", m, err)
	}
	return v
}

func block2(num uint32, szx block.SZX) opt {
	return opt{message.Block2, string(block.Value{NUM: num, SZX: szx}.Append(nil))}
}

func query(s string) opt { return opt{message.URIQuery, s} }

func etagOf(img *firmware.Image) string { return string(img.Digest.ETag()) }
